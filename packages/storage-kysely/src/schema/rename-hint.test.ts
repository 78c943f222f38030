import { defineDeviceType, reading, state } from '@devicehub/core'
import type { ReadingField, StateField } from '@devicehub/core/definition'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { createSchema } from './create-schema.js'
import { describeDatabases } from './testing/databases.js'

const describedFor = (steps: readonly { readonly table: string; readonly description: string }[]) =>
  steps.filter(({ table }) => table === 'station_reading').map(({ description }) => description)

describeDatabases('the plan of a field that may have been renamed', (open) => {
  test('asks for renamedFrom, or says that there is no such column', async () => {
    await using database = await open()
    const { dialect } = database
    const db = database.connect()
    const schemaOf = (readings: Parameters<typeof defineDeviceType>[1] & object) =>
      createSchema({ db, dialect, types: [defineDeviceType('station', readings)] })
    await schemaOf({ readings: { temp: reading.float(), label: reading.string() } }).migrate()

    const { steps } = await schemaOf({
      readings: { temperature: reading.float(), count: reading.integer(), label: reading.string() },
    }).plan()
    expect(describedFor(steps)).toEqual([
      expect.stringMatching(/temp is no longer declared: if it was renamed, declare renamedFrom: 'temp'$/),
      // Of another kind than the column that goes.
      expect.not.stringMatching(/renamedFrom/),
    ])

    const typo = await schemaOf({
      readings: {
        heat: reading.float({ renamedFrom: 'tmp' }),
        label: reading.string(),
        temp: reading.float(),
      },
    }).plan()
    expect(describedFor(typo.steps)).toEqual([
      expect.stringMatching(
        /; no column is left to rename: there is none of the name tmp that is not declared$/,
      ),
    ])
  })
})

describeDatabases('a release from before a rename that starts once more', (open) => {
  test('does not add the column anew beside its values; going back is a rename too', async () => {
    await using database = await open()
    const { dialect } = database
    const db = database.connect()
    const schemaOf = (fields: {
      readings: Record<string, ReadingField>
      state?: Record<string, StateField>
    }) => createSchema({ db, dialect, types: [defineDeviceType('station', fields)] })
    const older = schemaOf({ readings: { temp: reading.float() }, state: { mode: state.string() } })
    await older.migrate()
    const newer = schemaOf({
      readings: { temperature: reading.float({ renamedFrom: 'temp' }) },
      state: { modus: state.string({ renamedFrom: 'mode' }) },
    })
    await newer.migrate()

    await expect(older.migrate()).rejects.toMatchObject({
      code: 'schema_refused',
      message: expect.stringMatching(
        /renamed temp to temperature, where its values are.*Run that release; to go back, declare temp with renamedFrom: 'temperature'/s,
      ),
    })
    expect(await newer.plan()).toEqual({ steps: [] })

    const back = schemaOf({
      readings: { temp: reading.float({ renamedFrom: 'temperature' }) },
      state: { mode: state.string({ renamedFrom: 'modus' }) },
    })
    expect((await back.migrate()).steps.map(({ kind }) => kind)).toContain('renameColumn')
    expect(await older.plan()).toEqual({ steps: [] })
    // Whoever wants another column of that name says so.
    await expect(newer.migrate()).resolves.toBeDefined()
    await older.migrate({ allowDestructive: true })
    expect(await older.plan()).toEqual({ steps: [] })
  })

  test('a database of a release that kept no renames is read and takes the column for them', async () => {
    await using database = await open()
    const { dialect } = database
    const db = database.connect()
    const schema = createSchema({
      db,
      dialect,
      types: [defineDeviceType('station', { readings: { temp: reading.float() } })],
    })
    await schema.migrate()
    await sql`alter table devicehub_schema drop column renamed_to`.execute(db)
    expect((await schema.migrate()).steps.map(({ column }) => column)).toEqual(['renamed_to'])
    expect(await schema.plan()).toEqual({ steps: [] })
  })
})
