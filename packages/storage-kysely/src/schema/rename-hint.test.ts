import { defineDeviceType, reading } from '@devicehub/core'
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
