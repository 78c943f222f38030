import type { AnyDeviceType } from '@devicehub/core'
import type { DeviceRecord } from '@devicehub/core/storage'
import { changeLabels } from '@devicehub/core/storage'
import { sql } from 'kysely'
import type { Transaction } from '../connection/connection.js'
import { inParts } from '../connection/in-parts.js'
import { forNoKeyUpdate } from '../connection/sql-fragments.js'
import { readRow } from '../rows/row-reader.js'
import { LABEL_TABLE, tableNames } from '../schema/tables.js'

const DEVICES_MAX = 500
const ROWS_MAX = 5_000

type Labelled = Pick<DeviceRecord, 'deviceId' | 'labels'>

export const hasLabels = ({ labels }: Labelled): boolean => Object.keys(labels).length > 0

/** The rows to be searched of devices whose labels were just written, in place of those there are. */
export async function writeLabelRows(
  transaction: Transaction,
  { key }: AnyDeviceType,
  devices: readonly Labelled[],
): Promise<void> {
  const table = sql.table(LABEL_TABLE)
  for (const part of inParts(devices, DEVICES_MAX)) {
    const ids = part.map(({ deviceId }) => deviceId)
    await transaction.run(
      sql`delete from ${table} where type_key = ${key} and device_id in (${sql.join(ids)})`,
    )
  }
  const rows = devices.flatMap(({ deviceId, labels }) =>
    Object.entries(labels).map(([label, value]) => sql`(${key}, ${deviceId}, ${label}, ${value})`),
  )
  for (const part of inParts(rows, ROWS_MAX))
    await transaction.run(
      sql`insert into ${table} (type_key, device_id, label, value) values ${sql.join(part)}`,
    )
}

/** Of devices that may have been there already: their labels are what their rows say. */
export async function writeLabelRowsOf(
  transaction: Transaction,
  type: AnyDeviceType,
  deviceIds: readonly string[],
): Promise<void> {
  for (const ids of inParts(deviceIds, DEVICES_MAX))
    await writeLabelRows(transaction, type, await readLabels(transaction, type, ids))
}

/** Changes the labels of devices, under locks of their rows: which of them there are. */
export async function patchLabels(
  transaction: Transaction,
  type: AnyDeviceType,
  deviceIds: readonly string[],
  change: Readonly<Record<string, string | null>>,
): Promise<readonly string[]> {
  const found = await readLabels(transaction, type, deviceIds)
  if (Object.keys(change).length === 0) return found.map(({ deviceId }) => deviceId)
  const devices = found.map(({ deviceId, labels }) => ({
    deviceId,
    labels: changeLabels(deviceId, labels, change),
  }))
  const { device } = tableNames(type)
  // Devices of a fleet have few different sets of labels: a statement for each set.
  const sets = new Map<string, string[]>()
  for (const { deviceId, labels } of devices) {
    const text = JSON.stringify(labels)
    sets.set(text, [...(sets.get(text) ?? []), deviceId])
  }
  for (const [text, ids] of sets)
    await transaction.run(
      sql`update ${sql.table(device)} set labels = ${text} where device_id in (${sql.join(ids)})`,
    )
  await writeLabelRows(transaction, type, devices)
  return devices.map(({ deviceId }) => deviceId)
}

async function readLabels(
  { dialect, run }: Transaction,
  type: AnyDeviceType,
  deviceIds: readonly string[],
): Promise<Labelled[]> {
  const { rows } = await run(
    sql`select t.device_id as c0, t.labels as c1 from ${sql.table(tableNames(type).device)} as t
      where t.device_id in (${sql.join(deviceIds)}) order by t.device_id ${forNoKeyUpdate(dialect)}`,
  )
  return rows.map(readRow).map((row) => ({
    deviceId: row.text(0) ?? '',
    labels: JSON.parse(row.text(1) ?? '{}') as Record<string, string>,
  }))
}
