import type { AnyDeviceType } from '@devicehub/core'
import {
  type ReadingStore,
  readNumericCursor,
  type SeriesStore,
  type StoredSample,
  writeCursor,
} from '@devicehub/core/storage'
import { type RawBuilder, sql } from 'kysely'
import type { KnownTypes } from '../commit/known-types.js'
import type { Connection } from '../connection/connection.js'
import { directionSql } from '../connection/direction-sql.js'
import { timeValue } from '../connection/sql-fragments.js'
import type { RowReader } from '../rows/row-reader.js'
import { type SampleShape, storedSample } from '../rows/sample-columns.js'
import type { SqlDialect } from '../schema/logical-type.js'
import { tableNames } from '../schema/tables.js'
import { asStorageErrors } from '../storage-error.js'
import { aggregate } from './aggregate.js'
import { idOf, pageOf } from './bounded-rows.js'
import { createDeviceStore } from './device-store.js'
import { latestSamplesWithin, latestWithin } from './latest-within.js'
import { readingConditions } from './reading-conditions.js'
import { scanSamples } from './scan.js'
import { readSeries } from './series.js'
import { withinSql } from './within-sql.js'

export function createReadingStore(connection: Connection, known: KnownTypes): ReadingStore {
  const { dialect } = connection
  // Queries of seconds, which hold up no commit.
  const reader = connection.reader ?? connection
  const devices = createDeviceStore({ ...connection, ...reader }, known.shapeOf)
  const scan: SeriesStore['scan'] = (type, query, page) =>
    asStorageErrors(`going through samples of ${type.name}`, () =>
      scanSamples(reader, known.shapeOf(type), type, query, page),
    )

  return {
    async list(type, { order = 'desc', fields, ...filter }, page) {
      const { cursor } = page
      const { shape, whole } = someReadings(known.shapeOf(type), type, fields)
      const conditions = readingConditions(dialect, type, filter)
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
        items: rows.map((row) => whole(storedSample(shape, row))),
        cursor: last === null ? null : writeCursor('readings', timeOf(last), idOf(last)),
      }
    },

    latest: (type, deviceIds, within) =>
      asStorageErrors(`reading the last values of ${type.name}`, () =>
        latestWithin(connection, known.shapeOf(type), type, deviceIds, within),
      ),
    latestSamples: (type, deviceIds, within) =>
      asStorageErrors(`reading the latest samples of ${type.name}`, () =>
        latestSamplesWithin(connection, known.shapeOf(type), type, deviceIds, within),
      ),

    aggregate: (type, query) => aggregate(reader, known, type, query),

    async get(type, id, within) {
      const shape = known.shapeOf(type)
      if (!/^\d{1,15}$/.test(id)) return null
      const conditions = [sql`t.id = ${Number(id)}`]
      if (within !== undefined) {
        const readings = sql.table(tableNames(type).reading)
        const deviceId = sql`(select r.device_id from ${readings} as r where r.id = ${Number(id)})`
        conditions.push(...withinSql(dialect, { type, within, deviceId }))
      }
      const { rows } = await asStorageErrors(`reading a sample of ${type.name}`, () =>
        pageOf(connection, {
          table: tableNames(type).reading,
          columns: shape.selection,
          conditions,
          order: sql`t.id`,
          page: { limit: 1 },
        }),
      )
      return rows[0] === undefined ? null : storedSample(shape, rows[0])
    },
    scan,
    series: (type, query) =>
      asStorageErrors(`computing a series of ${type.name}`, () =>
        readSeries(reader, known.shapeOf(type), type, query, { scan, devices }),
      ),
  }
}

/** A shape of these readings alone, and what makes a sample of all of them again. */
function someReadings(
  shape: SampleShape,
  type: AnyDeviceType,
  fields: readonly string[] | undefined,
): { readonly shape: SampleShape; whole(sample: StoredSample): StoredSample } {
  if (fields === undefined) return { shape, whole: (sample) => sample }
  const names = type.readingNames
  const own = shape.selection.length - names.length
  const places = names.flatMap((name, place) => (fields.includes(name) ? [place] : []))
  const some = <T>(of: readonly T[]) => places.map((place) => of[place] as T)
  return {
    shape: {
      ...shape,
      selection: [...shape.selection.slice(0, own), ...some(shape.selection.slice(own))],
      kinds: some(shape.kinds),
    },
    whole: (sample) => ({
      ...sample,
      values: names.map((_, place) => sample.values[places.indexOf(place)] ?? null),
    }),
  }
}

const timeOf = (row: RowReader): number => row.number(2) ?? 0

/** Finds the chunks of a hypertable. */
const between = (dialect: SqlDialect, times: readonly number[]): RawBuilder<unknown>[] => [
  sql`t.timestamp >= ${timeValue(dialect, Math.min(...times))}`,
  sql`t.timestamp <= ${timeValue(dialect, Math.max(...times))}`,
]
