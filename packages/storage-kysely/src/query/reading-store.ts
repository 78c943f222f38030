import { type ReadingStore, readNumericCursor, writeCursor } from '@devicehub/core/storage'
import { type RawBuilder, sql } from 'kysely'
import type { KnownTypes } from '../commit/known-types.js'
import type { Connection } from '../connection/connection.js'
import { directionSql } from '../connection/direction-sql.js'
import { timeValue } from '../connection/sql-fragments.js'
import type { RowReader } from '../rows/row-reader.js'
import { storedSample } from '../rows/sample-columns.js'
import type { SqlDialect } from '../schema/logical-type.js'
import { tableNames } from '../schema/tables.js'
import { asStorageErrors } from '../storage-error.js'
import { aggregate } from './aggregate.js'
import { idOf, pageOf } from './bounded-rows.js'
import { readLatest, readLatestSamples } from './latest.js'
import { readingConditions } from './reading-conditions.js'

export function createReadingStore(connection: Connection, known: KnownTypes): ReadingStore {
  const { dialect } = connection

  return {
    async list(type, { order = 'desc', ...filter }, page) {
      const { cursor } = page
      const shape = known.shapeOf(type)
      const conditions = readingConditions(dialect, filter)
      if (cursor !== undefined) {
        const { key, tie } = readNumericCursor('readings', cursor)
        const time = timeValue(dialect, key)
        conditions.push(
          order === 'asc'
            ? sql`t.timestamp >= ${time} and (t.timestamp > ${time} or t.id > ${tie})`
            : sql`t.timestamp <= ${time} and (t.timestamp < ${time} or t.id < ${tie})`,
        )
      }
      const direction = directionSql(order)
      const { rows, last } = await asStorageErrors(`reading samples of ${type.name}`, () =>
        pageOf(connection, {
          table: tableNames(type).reading,
          columns: shape.selection,
          conditions,
          order: sql`t.timestamp ${direction}, t.id ${direction}`,
          page,
          near: (found) => between(dialect, found.map(timeOf)),
        }),
      )
      return {
        items: rows.map((row) => storedSample(shape, row)),
        cursor: last === null ? null : writeCursor('readings', timeOf(last), idOf(last)),
      }
    },

    latest: (type, deviceIds) =>
      asStorageErrors(`reading the last values of ${type.name}`, () =>
        readLatest(connection, known.shapeOf(type), type, deviceIds),
      ),
    latestSamples: (type, deviceIds) =>
      asStorageErrors(`reading the latest samples of ${type.name}`, () =>
        readLatestSamples(connection, known.shapeOf(type), type, deviceIds),
      ),

    aggregate: (type, query) => aggregate(connection, known, type, query),
  }
}

const timeOf = (row: RowReader): number => row.number(2) ?? 0

/** Finds the chunks of a hypertable. */
const between = (dialect: SqlDialect, times: readonly number[]): RawBuilder<unknown>[] => [
  sql`t.timestamp >= ${timeValue(dialect, Math.min(...times))}`,
  sql`t.timestamp <= ${timeValue(dialect, Math.max(...times))}`,
]
