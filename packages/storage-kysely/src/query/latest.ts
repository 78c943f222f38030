import type { AnyDeviceType } from '@devicehub/core'
import {
  createLatestBudget,
  LATEST_BYTES,
  type LatestReadings,
  type LatestValue,
  type StoredSample,
} from '@devicehub/core/storage'
import { type RawBuilder, sql } from 'kysely'
import type { Connection } from '../connection/connection.js'
import { directionSql } from '../connection/direction-sql.js'
import { inParts } from '../connection/in-parts.js'
import type { Selected } from '../connection/sql-fragments.js'
import { latestReadings } from '../rows/latest-columns.js'
import { type RowReader, readRow } from '../rows/row-reader.js'
import { type SampleShape, storedSample } from '../rows/sample-columns.js'
import type { SqlDialect } from '../schema/logical-type.js'
import { tableNames } from '../schema/tables.js'
import { boundedRows } from './bounded-rows.js'
import { edgeRows } from './edge-rows.js'

/** Devices in one look-up. */
const DEVICES_MAX = 100

export async function readLatest(
  connection: Connection,
  shape: SampleShape,
  type: AnyDeviceType,
  deviceIds: readonly string[],
): Promise<LatestReadings[]> {
  const { latest } = shape
  if (latest === null) return searchLatest(connection, shape, type, deviceIds)
  const ids = [...new Set(deviceIds)]
  const within = rowsWithin(connection, lastValuesOf(type, ids))
  const found: LatestReadings[] = []
  for (const part of inParts(ids, DEVICES_MAX)) {
    const rows = await within(part, {
      columns: latest.columns,
      deviceAt: 0,
      statement: (selection, some) =>
        sql`select ${selection} from ${sql.table(tableNames(type).latest)} as t where t.device_id in (${sql.join(some)})`,
    })
    for (const row of rows) found.push(latestReadings(latest, row))
  }
  return found
}

/** Without a table of last values: for each reading, searches the samples backwards to the newest row that has one. */
async function searchLatest(
  connection: Connection,
  { selection, kinds }: SampleShape,
  type: AnyDeviceType,
  deviceIds: readonly string[],
): Promise<LatestReadings[]> {
  const { dialect } = connection
  const ids = [...new Set(deviceIds)]
  const within = rowsWithin(connection, lastValuesOf(type, ids))
  const found: LatestReadings[] = []
  for (const part of inParts(ids, DEVICES_MAX)) {
    const newestOf = (columns: readonly Selected[], reading?: string) =>
      within(part, {
        columns,
        deviceAt: 0,
        statement: (selection, some) =>
          perDevice(dialect, some, (deviceId) => newestRowSql(type, selection, deviceId, reading)),
      })
    const values = new Map<string, (LatestValue | null)[]>()
    const head = (await newestOf(PLACE)).map((row) => ({
      deviceId: row.text(0) ?? '',
      orderAt: placeOf(row),
    }))
    for (const { deviceId } of head) values.set(deviceId, Array(kinds.length).fill(null))
    for (const [index, kind] of kinds.entries()) {
      const name = type.readingNames[index] as string
      const column = selection.find((one) => one.name === name) as Selected
      for (const row of await newestOf([...PLACE, column], name)) {
        const value = row.value(3, kind)
        const of = values.get(row.text(0) ?? '')
        if (of && value !== null) of[index] = { value, at: placeOf(row) }
      }
    }
    for (const one of head) found.push({ ...one, values: values.get(one.deviceId) ?? [] })
  }
  return found
}

const PLACE: readonly Selected[] = [
  { name: 'device_id', kind: 'text' },
  { name: 'timestamp', kind: 'time' },
  { name: 'order_at', kind: 'time' },
]

const lastValuesOf = (type: AnyDeviceType, ids: readonly string[]) =>
  createLatestBudget(`the last values of ${type.name}`, ids.length)

interface RowsOfDevices {
  readonly columns: readonly Selected[]
  /** Which column is the device's id. */
  readonly deviceAt: number
  /** At most a row for each of them. */
  readonly statement: (selection: RawBuilder<unknown>, deviceIds: readonly string[]) => RawBuilder<unknown>
}

/** A row for each device, within a budget over all calls: looked at before long values are read. */
function rowsWithin(connection: Connection, budget: ReturnType<typeof createLatestBudget>) {
  const page = { limit: DEVICES_MAX, maxBytes: LATEST_BYTES }
  return async (
    deviceIds: readonly string[],
    { columns, deviceAt, statement }: RowsOfDevices,
  ): Promise<RowReader[]> => {
    const bounded = boundedRows(connection.dialect, columns, page)
    const run = async (selection: RawBuilder<unknown>, ids: readonly string[]) =>
      (await connection.run(statement(selection, ids))).rows.map(readRow)
    const deviceOf = (row: RowReader) => row.text(deviceAt) ?? ''
    const rows = await run(bounded.selection, deviceIds)
    for (const row of rows) budget.take(bounded.bytesOf(row))
    const whole = await bounded.complete(
      rows.map((row) => ({ row })),
      async (long) => {
        const read = await run(
          bounded.whole,
          long.map(({ row }) => deviceOf(row)),
        )
        const byDevice = new Map(read.map((row) => [deviceOf(row), row]))
        return new Map(
          long.flatMap((one) => {
            const row = byDevice.get(deviceOf(one.row))
            return row ? [[one, row] as const] : []
          }),
        )
      },
    )
    return whole.map(({ row }) => row)
  }
}

const placeOf = (row: RowReader): number => row.number(2) ?? row.number(1) ?? 0

/**
 * The table of last values says when the latest sample was measured. Its row may be gone, because retention goes by
 * the received time: then the device's samples are searched.
 */
export async function readLatestSamples(
  connection: Connection,
  shape: SampleShape,
  type: AnyDeviceType,
  deviceIds: readonly string[],
): Promise<StoredSample[]> {
  const { dialect } = connection
  const all = [...new Set(deviceIds)]
  const within = rowsWithin(connection, createLatestBudget(`the latest samples of ${type.name}`, all.length))
  const found: StoredSample[] = []
  const read = async (ids: readonly string[], statement: RowsOfDevices['statement']) => {
    const rows = await within(ids, { columns: shape.selection, deviceAt: 1, statement })
    for (const row of rows) found.push(storedSample(shape, row))
  }
  const latestRows: RowsOfDevices['statement'] = (selection, ids) =>
    latestRowsSql(dialect, type, selection, ids)
  const newestRows: RowsOfDevices['statement'] = (selection, ids) =>
    perDevice(dialect, ids, (deviceId) => newestRowSql(type, selection, deviceId))
  for (const part of inParts(all, DEVICES_MAX)) {
    const before = found.length
    if (shape.latest !== null) await read(part, latestRows)
    const missing = new Set(part)
    for (const { deviceId } of found.slice(before)) missing.delete(deviceId)
    if (missing.size > 0) await read([...missing], newestRows)
  }
  return found
}

/** On PostgreSQL a step into the index for each device, on the others a subquery for each. */
export function perDevice(
  dialect: SqlDialect,
  deviceIds: readonly string[],
  rowOf: (deviceId: RawBuilder<unknown>) => RawBuilder<unknown>,
): RawBuilder<unknown> {
  if (dialect === 'postgres')
    return sql`select l.* from (values ${sql.join(deviceIds.map((id) => sql`(${id}::text)`))}) as v(device_id)
      cross join lateral (${rowOf(sql`v.device_id`)}) as l`
  return sql.join(
    deviceIds.map((id) => sql`select * from (${rowOf(sql`${id}`)}) as l`),
    sql` union all `,
  )
}

const readings = (type: AnyDeviceType) => sql`${sql.table(tableNames(type).reading)} as t`

/** Of samples of the same time the one with the greatest id. */
function latestRowsSql(
  dialect: SqlDialect,
  type: AnyDeviceType,
  selection: RawBuilder<unknown>,
  deviceIds: readonly string[],
): RawBuilder<unknown> {
  const { latest, reading } = tableNames(type)
  const isOf = (sample: 't' | 'o') => {
    const of = (column: string) => sql.ref(`${sample}.${column}`)
    return sql`${of('device_id')} = n.device_id and ${of('timestamp')} = n.timestamp
      and coalesce(${of('order_at')}, ${of('timestamp')}) = n.order_at`
  }
  return sql`select ${selection} from ${sql.table(latest)} as n join ${readings(type)} on ${isOf('t')}
    where n.device_id in (${sql.join([...deviceIds])}) and not exists (
      select 1 from ${sql.table(reading)} as o where ${isOf('o')} and ${hiddenId(dialect, 'o.id')} > t.id)`
}

/** SQLite would take an index on (timestamp, id) for the sake of the id, and go through the samples of all devices of that time. */
const hiddenId = (dialect: SqlDialect, column: string): RawBuilder<unknown> =>
  dialect === 'sqlite' ? sql`+${sql.ref(column)}` : sql.ref(column)

/** Of the samples that have the reading, if one is given. */
function newestRowSql(
  type: AnyDeviceType,
  selection: RawBuilder<unknown>,
  deviceId: RawBuilder<unknown>,
  reading?: string,
) {
  const direction = directionSql('desc')
  const isOf = sql`t.device_id = ${deviceId}`
  const where = reading === undefined ? isOf : sql`${isOf} and ${sql.ref(`t.${reading}`)} is not null`
  const rows = edgeRows(selection, readings(type), where, direction)
  return sql`select * from (${rows}) as e order by e.place desc, e.id desc limit 1`
}
