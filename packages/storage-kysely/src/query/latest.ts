import type { AnyDeviceType, LatestReadings, StoredSample } from '@devicehub/core'
import { type RawBuilder, sql } from 'kysely'
import type { Connection } from '../connection/connection.js'
import { directionSql } from '../connection/direction-sql.js'
import { inParts } from '../connection/in-parts.js'
import { selectList } from '../connection/sql-fragments.js'
import { latestReadings } from '../rows/latest-columns.js'
import { readRow } from '../rows/row-reader.js'
import { type SampleShape, storedSample } from '../rows/sample-columns.js'
import type { SqlDialect } from '../schema/logical-type.js'
import { tableNames } from '../schema/tables.js'
import { edgeRows } from './aggregate.js'

/** Devices in one look-up. */
const DEVICES_MAX = 100

export async function readLatest(
  connection: Connection,
  { latest }: SampleShape,
  type: AnyDeviceType,
  deviceIds: readonly string[],
): Promise<LatestReadings[]> {
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
    await read(part, (deviceId) => noted(type, selection, deviceId))
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

function newest(type: AnyDeviceType, selection: RawBuilder<unknown>, deviceId: RawBuilder<unknown>) {
  const direction = directionSql('desc')
  const rows = edgeRows(selection, readings(type), sql`t.device_id = ${deviceId}`, direction)
  return sql`select * from (${rows}) as e order by e.place desc, e.id desc limit 1`
}
