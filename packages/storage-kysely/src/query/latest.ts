import type { AnyDeviceType, LatestReadings, LatestValue, StoredSample } from '@devicehub/core'
import { type RawBuilder, sql } from 'kysely'
import type { Connection } from '../connection/connection.js'
import { directionSql } from '../connection/direction-sql.js'
import { inParts } from '../connection/in-parts.js'
import { selectList } from '../connection/sql-fragments.js'
import type { ColumnSource } from '../rows/column-source.js'
import { latestReadings } from '../rows/latest-columns.js'
import { type RowReader, readRow } from '../rows/row-reader.js'
import { type SampleShape, storedSample } from '../rows/sample-columns.js'
import type { SqlDialect } from '../schema/logical-type.js'
import { tableNames } from '../schema/tables.js'
import { edgeRows } from './aggregate.js'

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
  const found: LatestReadings[] = []
  for (const part of inParts([...new Set(deviceIds)], DEVICES_MAX)) {
    const { rows } = await connection.run(
      sql`select ${selectList(connection.dialect, latest.columns)} from ${sql.table(tableNames(type).latest)} as t
        where t.device_id in (${sql.join(part)})`,
    )
    for (const row of rows) found.push(latestReadings(latest, readRow(row)))
  }
  return found
}

/** Without a table of last values: a look at the samples for each reading, backwards to the newest that has one. */
async function searchLatest(
  connection: Connection,
  { kinds }: SampleShape,
  type: AnyDeviceType,
  deviceIds: readonly string[],
): Promise<LatestReadings[]> {
  const { dialect } = connection
  const found: LatestReadings[] = []
  for (const part of inParts([...new Set(deviceIds)], DEVICES_MAX)) {
    const newestOf = async (selected: readonly Selected[], reading?: string) => {
      const selection = selectList(dialect, selected)
      const { rows } = await connection.run(
        perDevice(dialect, part, (deviceId) => newest(type, selection, deviceId, reading)),
      )
      return rows.map(readRow)
    }
    const values = new Map<string, (LatestValue | null)[]>()
    const head = (await newestOf(PLACE)).map((row) => ({
      deviceId: row.text(0) ?? '',
      orderAt: placeOf(row),
    }))
    for (const { deviceId } of head) values.set(deviceId, Array(kinds.length).fill(null))
    for (const [index, kind] of kinds.entries()) {
      const name = type.readingNames[index] as string
      for (const row of await newestOf([...PLACE, { name, kind }], name)) {
        const value = row.value(3, kind)
        const of = values.get(row.text(0) ?? '')
        if (of && value !== null) of[index] = { value, at: placeOf(row) }
      }
    }
    for (const one of head) found.push({ ...one, values: values.get(one.deviceId) ?? [] })
  }
  return found
}

type Selected = Pick<ColumnSource<never>, 'name' | 'kind'>

const PLACE: readonly Selected[] = [
  { name: 'device_id', kind: 'text' },
  { name: 'timestamp', kind: 'time' },
  { name: 'order_at', kind: 'time' },
]

const placeOf = (row: RowReader): number => row.number(2) ?? row.number(1) ?? 0

/**
 * The table of last values says when the latest sample was measured. Where its row is gone, since retention went by when
 * it was received, the device's readings are asked.
 */
export async function readLatestSamples(
  connection: Connection,
  shape: SampleShape,
  type: AnyDeviceType,
  deviceIds: readonly string[],
): Promise<StoredSample[]> {
  const { dialect } = connection
  const selection = selectList(dialect, shape.selection)
  const found: StoredSample[] = []
  const read = async (
    ids: readonly string[],
    rowOf: (deviceId: RawBuilder<unknown>) => RawBuilder<unknown>,
  ) => {
    const { rows } = await connection.run(perDevice(dialect, ids, rowOf))
    for (const row of rows) found.push(storedSample(shape, readRow(row)))
  }
  for (const part of inParts([...new Set(deviceIds)], DEVICES_MAX)) {
    const before = found.length
    if (shape.latest !== null) await read(part, (deviceId) => noted(type, selection, deviceId))
    const missing = new Set(part)
    for (const { deviceId } of found.slice(before)) missing.delete(deviceId)
    if (missing.size > 0) await read([...missing], (deviceId) => newest(type, selection, deviceId))
  }
  return found
}

/** On PostgreSQL a step into the index for each device, on the others a look-up of its own. */
function perDevice(
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

function noted(type: AnyDeviceType, selection: RawBuilder<unknown>, deviceId: RawBuilder<unknown>) {
  const of = (column: string) =>
    sql`(select n.${sql.ref(column)} from ${sql.table(tableNames(type).latest)} as n where n.device_id = ${deviceId})`
  return sql`select ${selection} from ${readings(type)} where t.device_id = ${deviceId} and t.timestamp = ${of('timestamp')}
    and coalesce(t.order_at, t.timestamp) = ${of('order_at')} order by t.id desc limit 1`
}

/** Of the samples that have the reading, if one is given. */
function newest(
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
