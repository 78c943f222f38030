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

/** Devices in one look-up of the latest. */
const LATEST_MAX = 100

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

    async latest(type, deviceIds) {
      const shape = known.shapeOf(type)
      const ids = [...new Set(deviceIds)]
      const samples = []
      for (let at = 0; at < ids.length; at += LATEST_MAX) {
        const part = ids.slice(at, at + LATEST_MAX)
        const { rows } = await asStorageErrors(`reading the latest samples of ${type.name}`, () =>
          connection.run(latestSql(dialect, type, selectList(dialect, shape.selection), part)),
        )
        for (const row of rows) samples.push(storedSample(shape, readRow(row)))
      }
      return samples
    },

    aggregate: (type, query) => aggregate(connection, known, type, query),
  }
}

const readingTable = (type: AnyDeviceType) => sql.table(tableNames(type).reading)

/**
 * On PostgreSQL a step into the index for each device. On the others a look-up of its own, in the index on
 * (device, time): once for the greatest time, once for its rows. Ordering a device's rows by time and id instead makes
 * MySQL sort all of them.
 */
function latestSql(
  dialect: SqlDialect,
  type: AnyDeviceType,
  selection: RawBuilder<unknown>,
  deviceIds: readonly string[],
): RawBuilder<unknown> {
  const table = readingTable(type)
  if (dialect === 'postgres')
    return sql`select l.* from (values ${sql.join(deviceIds.map((id) => sql`(${id}::text)`))}) as v(device_id)
      cross join lateral (select ${selection} from ${table} as t where t.device_id = v.device_id
        order by t.timestamp desc, t.id desc limit 1) as l`
  const lookups = deviceIds.map(
    (id) => sql`select * from (select ${selection} from ${table} as t where t.device_id = ${id}
      and t.timestamp = (select max(m.timestamp) from ${table} as m where m.device_id = ${id})
      order by t.id desc limit 1) as l`,
  )
  return sql.join(lookups, sql` union all `)
}

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
