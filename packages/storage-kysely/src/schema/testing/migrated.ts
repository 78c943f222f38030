import type { Field } from '@devicehub/core/definition'
import type { SchemaStep } from '@devicehub/core/storage'
import { createSchema } from '../create-schema.js'
import type { describeDatabases } from './databases.js'
import { deviceType } from './device-types.js'
import { type AnyTables, insert, readingRow, rowsOf } from './rows.js'

type Fields = Readonly<Record<string, Field>>
type Open = Parameters<Parameters<typeof describeDatabases>[1]>[0]

/** A database that was migrated for these fields, and `next`, the schema of a later release. */
export async function migrated(open: Open, readings: Fields, state: Fields = {}) {
  const database = await open()
  const { dialect } = database
  const db = database.connect<AnyTables>()
  const next = (nextReadings: Fields, nextState: Fields = {}) =>
    createSchema({ db, dialect, types: [deviceType('station', nextReadings, nextState)] })
  await next(readings, state).migrate()
  return {
    dialect,
    db,
    next,
    add: (values: Record<string, unknown>) => insert(db, 'station_reading', readingRow(dialect, values)),
    /** The values of one column, oldest first. */
    values: async (column: string) => (await rowsOf(db, 'station_reading')).map((row) => row[column]),
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  }
}

/** The last values are in a table of their own, see latest-table.test.ts. */
export const withoutLatest = (steps: readonly SchemaStep[]) =>
  steps.filter(({ table }) => table !== 'station_latest')
