import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { describeDatabases } from './testing/databases.js'
import { field } from './testing/device-types.js'
import { migrated, withoutLatest } from './testing/migrated.js'
import { time } from './testing/rows.js'

describeDatabases('a schema that something else has changed', (open) => {
  test('a column that someone converted by hand is taken as it is', async () => {
    await using old = await migrated(open, { x: field('integer') })
    await old.add({ x: 12 })
    const name = sql.table('station_reading')
    if (old.dialect === 'sqlite') {
      await sql`alter table ${name} drop column x`.execute(old.db)
      await sql`alter table ${name} add column x text`.execute(old.db)
      await sql`update ${name} set x = '12'`.execute(old.db)
    } else if (old.dialect === 'postgres') {
      await sql`alter table ${name} alter column x type varchar(255)`.execute(old.db)
    } else {
      await sql`alter table ${name} modify column x varchar(255)`.execute(old.db)
    }
    const schema = old.next({ x: field('string') })
    expect(withoutLatest((await schema.plan()).steps)).toEqual([])
    await schema.migrate()
    expect(await old.values('x')).toEqual(['12'])
    expect(await schema.plan()).toEqual({ steps: [] })
  })

  test("somebody's NOT NULL column is made to admit null, keeping its values", async () => {
    await using old = await migrated(open, { a: field('float') })
    await sql`alter table station_reading add column site varchar(20) not null default 'x'`.execute(old.db)
    await old.add({ a: 1, site: 'roof' })
    // With a default it is no hindrance.
    expect(await old.next({ a: field('float') }).plan()).toEqual({ steps: [] })
    if (old.dialect === 'sqlite') {
      const made = await sql<{
        sql: string
      }>`select sql from sqlite_master where name = 'station_reading'`.execute(old.db)
      await sql`drop table station_reading`.execute(old.db)
      await sql.raw(made.rows[0]?.sql.replace(" not null default 'x'", ' not null') ?? '').execute(old.db)
      await old.add({ a: 1, site: 'roof' })
    } else {
      await sql`alter table station_reading alter column site drop default`.execute(old.db)
    }
    await expect(old.add({ a: 2 })).rejects.toThrow()
    const schema = old.next({ a: field('float') })
    expect(
      withoutLatest((await schema.migrate()).steps).map(({ kind, column }) => `${kind} ${column}`),
    ).toContain('widenColumn site')
    await old.add({ a: 2 })
    expect(await old.values('site')).toEqual(['roof', null])
    expect(await schema.plan()).toEqual({ steps: [] })
  })

  test("a field's column that was NOT NULL admits null again, keeping its values", async () => {
    await using old = await migrated(open, { a: field('float') })
    const name = sql.table('station_reading')
    const makeNotNull = {
      sqlite: sql`alter table ${name} add column b varchar(255) not null default 'x'`,
      postgres: sql`alter table ${name} add column b varchar(255) not null default 'x'`,
      mysql: sql`alter table ${name} add column b varchar(255) not null default 'x'`,
    }
    await makeNotNull[old.dialect].execute(old.db)
    await old.add({ a: 1, b: 'kept' })
    const schema = old.next({ a: field('float'), b: field('string') })
    expect(
      withoutLatest((await schema.migrate()).steps).map(({ kind, column }) => `${kind} ${column}`),
    ).toEqual(['widenColumn b'])
    await old.add({ a: 2, b: null })
    expect(await old.values('b')).toEqual(['kept', null])
    expect(await schema.plan()).toEqual({ steps: [] })
  })

  test('indexes and rows that went missing come back', async () => {
    await using old = await migrated(open, { a: field('float') })
    const on = old.dialect === 'mysql' ? sql` on station_reading` : sql``
    await sql`drop index station_reading_sample_key${on}`.execute(old.db)
    await sql`drop index station_reading_content_key${on}`.execute(old.db)
    await sql`create index station_reading_content_key on station_reading (device_id)`.execute(old.db)
    if (old.dialect === 'mysql') await sql`delete from devicehub_log_gate`.execute(old.db)
    const schema = old.next({ a: field('float') })
    expect(withoutLatest((await schema.migrate()).steps).map(({ kind }) => kind)).toEqual([
      'other',
      'addIndex',
    ])
    expect(await schema.plan()).toEqual({ steps: [] })
    const again = { sample_id: 's', content_hash: 1, timestamp: time(old.dialect, 5) }
    await old.add(again)
    await expect(old.add({ ...again, sample_id: 't' })).rejects.toThrow()
    await expect(old.add({ ...again, content_hash: 2 })).rejects.toThrow()
    if (old.dialect === 'mysql') {
      expect((await sql`select id from devicehub_log_gate`.execute(old.db)).rows).toHaveLength(1)
    }
  })

  test('a step that the database refuses is named, and where DDL is transactional nothing remains', async () => {
    await using old = await migrated(open, { a: field('float') })
    await old.add({ sample_id: 's', a: 1 })
    await sql`drop index station_reading_sample_key${old.dialect === 'mysql' ? sql` on station_reading` : sql``}`.execute(
      old.db,
    )
    await old.add({ sample_id: 's', a: 2 })
    const schema = old.next({ a: field('float'), b: field('float') })
    await expect(schema.migrate()).rejects.toMatchObject({
      code: 'storage_failed',
      message: expect.stringContaining('station_reading_sample_key'),
    })
    const left = withoutLatest((await schema.plan()).steps).map(({ kind }) => kind)
    expect(left).toEqual(old.dialect === 'mysql' ? ['addIndex'] : ['addColumn', 'addIndex'])
    // And goes on once the cause is gone.
    await old.db.deleteFrom('station_reading').where('a', '=', 2).execute()
    await schema.migrate()
    expect(await schema.plan()).toEqual({ steps: [] })
  })
})
