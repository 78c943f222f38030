import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { describeDatabases } from './testing/databases.js'
import { field } from './testing/device-types.js'
import { migrated, withoutLatest } from './testing/migrated.js'
import { deviceRow, insert, rowsOf } from './testing/rows.js'

describeDatabases('evolution', (open) => {
  test('a new reading and a new state field: rows from before have null, or the default', async () => {
    await using old = await migrated(open, { a: field('float') })
    await old.add({ a: 1.5 })
    await insert(old.db, 'station_device', deviceRow(old.dialect))
    const schema = old.next(
      { a: field('float'), b: field('string'), c: field('json') },
      { mode: field('enum', { values: ['x'], default: 'x' }), owner: field('string') },
    )
    const { steps } = await schema.migrate()
    expect(withoutLatest(steps).map(({ kind, table, column }) => `${kind} ${table}.${column}`)).toEqual([
      'addColumn station_device.mode',
      'addColumn station_device.owner',
      'addColumn station_reading.b',
      'addColumn station_reading.c',
    ])
    expect(await schema.plan()).toEqual({ steps: [] })
    expect(await rowsOf(old.db, 'station_reading')).toMatchObject([{ a: 1.5, b: null, c: null }])
    expect(await rowsOf(old.db, 'station_device')).toMatchObject([{ mode: 'x', owner: null }])
  })

  test('a renamed field keeps its values', async () => {
    await using old = await migrated(
      open,
      { temp: field('float') },
      { rate: field('integer', { default: 5 }) },
    )
    await old.add({ temp: 21.5 })
    await insert(old.db, 'station_device', deviceRow(old.dialect))
    const schema = old.next(
      { temperature: field('float', { renamedFrom: 'temp' }) },
      { interval: field('integer', { renamedFrom: 'rate', default: 5 }) },
    )
    const { steps } = await schema.migrate()
    expect(withoutLatest(steps).map(({ kind }) => kind)).toEqual(['renameColumn', 'renameColumn'])
    expect(await old.values('temperature')).toEqual([21.5])
    expect(Number((await rowsOf(old.db, 'station_device'))[0]?.interval)).toBe(5)
    expect(await schema.plan({ allowDestructive: true })).toEqual({ steps: [] })
  })

  test('a database that is two renames behind keeps its values', async () => {
    await using old = await migrated(open, { temp: field('float') })
    await old.add({ temp: 21.5 })
    const formerNames = ['temp_c', 'temp']
    const schema = old.next({ temperature: field('float', { renamedFrom: 'temp_c', formerNames }) })
    expect(withoutLatest((await schema.migrate()).steps).map(({ kind }) => kind)).toEqual(['renameColumn'])
    expect(await old.values('temperature')).toEqual([21.5])
    expect(await schema.plan({ allowDestructive: true })).toEqual({ steps: [] })
  })

  test('a field renamed and widened at once', async () => {
    await using old = await migrated(open, { n: field('integer') })
    await old.add({ n: 3 })
    const schema = old.next({ level: field('float', { renamedFrom: 'n' }) })
    await schema.migrate()
    await old.add({ level: 3.25 })
    expect(await old.values('level')).toEqual([3, 3.25])
    expect(await schema.plan()).toEqual({ steps: [] })
  })

  test('a former name that is declared again is another field', async () => {
    await using old = await migrated(open, { a: field('float') })
    await old.add({ a: 1 })
    const schema = old.next({ b: field('float', { renamedFrom: 'a' }), a: field('float') })
    expect(withoutLatest((await schema.migrate()).steps).map(({ kind }) => kind)).toEqual(['addColumn'])
    expect(await old.values('a')).toEqual([1])
  })

  test('widening: an integer becomes a float, a string grows', async () => {
    await using old = await migrated(open, {
      level: field('integer'),
      note: field('string', { maxLength: 3 }),
      text: field('string', { maxLength: 200 }),
    })
    await old.add({ level: 7, note: 'abc', text: 'def' })
    const schema = old.next({
      level: field('float'),
      note: field('string', { maxLength: 30 }),
      text: field('string', { maxLength: 20_000 }),
    })
    const { steps } = await schema.migrate()
    // The columns of SQLite hold both already.
    expect(withoutLatest(steps).map(({ kind, column }) => `${kind} ${column}`)).toEqual(
      old.dialect === 'sqlite' ? [] : ['widenColumn level', 'widenColumn note', 'widenColumn text'],
    )
    expect(steps.some(({ destructive }) => destructive)).toBe(false)
    await old.add({ level: 7.75, note: 'x'.repeat(30), text: 'y'.repeat(20_000) })
    expect(await old.values('level')).toEqual([7, 7.75])
    expect(await old.values('note')).toEqual(['abc', 'x'.repeat(30)])
    expect(await old.values('text')).toEqual(['def', 'y'.repeat(20_000)])
    expect(await schema.plan()).toEqual({ steps: [] })
  })

  test('narrowing is refused with an explanation, and nothing is changed', async () => {
    await using old = await migrated(open, {
      level: field('float'),
      note: field('string', { maxLength: 30 }),
    })
    await old.add({ level: 7.75 })
    const schema = old.next({
      level: field('integer'),
      note: field('string', { maxLength: 30 }),
      more: field('float'),
    })
    const plan = await schema.plan()
    expect(
      withoutLatest(plan.steps).map(({ kind, column, destructive }) => [kind, column, destructive]),
    ).toEqual([
      ['addColumn', 'more', false],
      ['narrowColumn', 'level', true],
    ])
    const refused = await schema.migrate().catch((error: unknown) => error)
    expect(refused).toMatchObject({ code: 'schema_refused' })
    expect(String(refused)).toContain('station_reading.level from double')
    expect(String(refused)).toContain('fractions are rounded')
    expect(String(refused)).toContain('allowDestructive')
    expect(await schema.plan()).toEqual(plan)
    expect(await old.values('level')).toEqual([7.75])
  })

  test('narrowing, when allowed: fractions are rounded, long texts cut off', async () => {
    await using old = await migrated(open, {
      level: field('float'),
      note: field('string', { maxLength: 30 }),
    })
    await old.add({ level: 7.75, note: 'äbcdefgh' })
    const schema = old.next({ level: field('integer'), note: field('string', { maxLength: 3 }) })
    await schema.migrate({ allowDestructive: true })
    expect((await old.values('level')).map(Number)).toEqual([8])
    // SQLite keeps no length.
    expect(await old.values('note')).toEqual([old.dialect === 'sqlite' ? 'äbcdefgh' : 'äbc'])
    expect(await schema.plan()).toEqual({ steps: [] })
  })

  test.each([
    ['a string becomes JSON', field('string'), field('json'), 'not JSON'],
    ['an integer becomes a time', field('integer'), field('datetime'), 12],
    ['an integer becomes a string', field('integer'), field('string'), 12],
    ['a boolean becomes an integer', field('boolean'), field('integer'), 1],
  ])('another kind of value: %s', async (_what, before, after, value) => {
    await using old = await migrated(open, { x: before, kept: field('float') })
    const held = old.dialect === 'postgres' && before.kind === 'boolean' ? true : value
    await old.add({ x: held, kept: 2.5 })
    const schema = old.next({ x: after, kept: field('float') })
    await expect(schema.migrate()).rejects.toMatchObject({
      code: 'schema_refused',
      message: expect.stringContaining('mean nothing under the new type'),
    })
    expect(await old.values('x')).toEqual([
      before.kind === 'integer' && old.dialect === 'postgres' ? '12' : held,
    ])
    await schema.migrate({ allowDestructive: true })
    expect(await rowsOf(old.db, 'station_reading')).toMatchObject([{ x: null, kept: 2.5 }])
    expect(await schema.plan()).toEqual({ steps: [] })
  })

  test('a withdrawn field is left alone and does not hinder inserts', async () => {
    await using old = await migrated(open, { a: field('float'), b: field('float') }, { s: field('string') })
    await old.add({ a: 1, b: 2 })
    const schema = old.next({ a: field('float') })
    expect(await schema.migrate()).toEqual({ steps: [] })
    await old.add({ a: 3 })
    expect(await old.values('b')).toEqual([2, null])
    // Declared again, its values are back.
    expect(await old.next({ a: field('float'), b: field('float') }).migrate()).toEqual({ steps: [] })
  })

  test('a withdrawn field is dropped when that is allowed; columns made by others never are', async () => {
    await using old = await migrated(open, { a: field('float'), b: field('float') })
    await sql`alter table station_reading add column site varchar(20)`.execute(old.db)
    await old.add({ a: 1, b: 2, site: 'roof' })
    const schema = old.next({ a: field('float') })
    const { steps } = await schema.migrate({ allowDestructive: true })
    expect(withoutLatest(steps).map(({ kind, column }) => `${kind} ${column}`)).toEqual(['dropColumn b'])
    const [row] = await rowsOf(old.db, 'station_reading')
    expect(row).toMatchObject({ a: 1, site: 'roof' })
    expect(row).not.toHaveProperty('b')
    // A column of the same name that somebody adds later is theirs.
    await sql`alter table station_reading add column b varchar(20)`.execute(old.db)
    expect(await schema.plan({ allowDestructive: true })).toEqual({ steps: [] })
  })
})
