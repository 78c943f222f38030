import type { AnyDeviceType, ReadingFilter, ReadingStore } from '@devicehub/core'
import { type RawBuilder, sql } from 'kysely'
import type { KnownTypes } from '../commit/prepare-batch.js'
import type { Connection } from '../connection/connection.js'
import { directionSql } from '../connection/direction-sql.js'
import { numberSql } from '../connection/number-sql.js'
import { and, selectList, timeValue } from '../connection/sql-fragments.js'
import { readRow } from '../rows/row-reader.js'
import { storedSample } from '../rows/sample-columns.js'
import type { SqlDialect } from '../schema/logical-type.js'
import { tableNames } from '../schema/tables.js'
import { asStorageErrors } from '../storage-error.js'
import { aggregate } from './aggregate.js'
import { readNumericCursor, writeCursor } from './cursor.js'
import { readLatest, readLatestSamples } from './latest.js'

export function createReadingStore(connection: Connection, known: KnownTypes): ReadingStore {
  const { dialect } = connection

  return {
    async list(type, { order = 'desc', ...filter }, { limit, cursor }) {
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
      const { rows } = await asStorageErrors(`reading samples of ${type.name}`, () =>
        connection.run(
          sql`select ${selectList(dialect, shape.selection)} from ${readingTable(type)} as t where ${and(conditions)}
            order by t.timestamp ${direction}, t.id ${direction} limit ${numberSql(limit + 1)}`,
        ),
      )
      const items = rows.slice(0, limit).map((row) => storedSample(shape, readRow(row)))
      const last = rows.length > limit ? items.at(-1) : undefined
      return { items, cursor: last ? writeCursor('readings', last.timestamp, last.id) : null }
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

const readingTable = (type: AnyDeviceType) => sql.table(tableNames(type).reading)

/** Of the table `t`. */
export function readingConditions(
  dialect: SqlDialect,
  { deviceId, from, to }: ReadingFilter,
): RawBuilder<unknown>[] {
  const conditions: RawBuilder<unknown>[] = []
  if (deviceId !== undefined) conditions.push(sql`t.device_id = ${deviceId}`)
  if (from !== undefined) conditions.push(sql`t.timestamp >= ${timeValue(dialect, from)}`)
  if (to !== undefined) conditions.push(sql`t.timestamp < ${timeValue(dialect, to)}`)
  return conditions
}
