import type { AnyDeviceType, DeviceStatus } from '@devicehub/core'
import {
  type ChangedDevice,
  type CommittedDevice,
  type CommittedTransition,
  type DeviceChange,
  type DeviceTouch,
  foldChanges,
  type LiveState,
  type TelemetryEntry,
} from '@devicehub/core/storage'
import { sql } from 'kysely'
import type { Transaction } from '../connection/connection.js'
import { inParts } from '../connection/in-parts.js'
import { forNoKeyUpdate, selectList } from '../connection/sql-fragments.js'
import type { ColumnSource } from '../rows/column-source.js'
import { readRow } from '../rows/row-reader.js'
import { tableNames } from '../schema/tables.js'
import { compare } from './prepare-batch.js'

const LIVE: readonly Pick<ColumnSource<never>, 'name' | 'kind'>[] = [
  { name: 'device_id', kind: 'text' },
  { name: 'status', kind: 'text' },
  { name: 'status_at', kind: 'time' },
  { name: 'battery_level', kind: 'float' },
  { name: 'firmware_version', kind: 'text' },
  { name: 'last_seen', kind: 'time' },
  { name: 'session_at', kind: 'time' },
  { name: 'status_claimed_at', kind: 'time' },
]

/** Devices in one statement: its CASEs are searched from the start for each. */
const DEVICES_MAX = 100

export interface AppliedChanges {
  readonly transitions: readonly CommittedTransition[]
  /** The rows after the changes. */
  readonly devices: readonly ChangedDevice[]
  /** Changes of status. */
  readonly audits: readonly TelemetryEntry[]
}

/**
 * Applies the changes of a batch to the rows of their devices, in order and under a lock, so that two processes that
 * change a device follow each other. Devices that do not exist are skipped. The caller writes `audits`. Devices that
 * the transaction will touch are locked too, and count as touched.
 */
export async function applyChanges(
  transaction: Transaction,
  changes: readonly DeviceChange[],
  touches: readonly DeviceTouch[],
): Promise<AppliedChanges> {
  const live = new Map<string, LiveState>()
  const types = new Map([...changes, ...touches].map(({ type }) => [type.key, type]))
  const sortedIds = (
    of: readonly { readonly type: AnyDeviceType; readonly deviceId: string }[],
    key: string,
  ) => [...new Set(of.filter((one) => one.type.key === key).map((one) => one.deviceId))].sort(compare)
  // In the same order over types and devices everywhere, so that transactions do not deadlock.
  for (const key of [...types.keys()].sort(compare)) {
    const type = types.get(key) as AnyDeviceType
    for (const part of inParts(sortedIds([...changes, ...touches], key), DEVICES_MAX))
      await lock(transaction, type, part, live)
  }
  const folded = foldChanges(
    { touches, changes },
    (type, deviceId) => live.get(keyOf(type, deviceId)) ?? null,
  )
  const changed = folded.devices.filter(({ change }) => change !== null)
  for (const [, type] of types) {
    const rows = changed.filter((device) => device.isNew && device.type.key === type.key)
    const sorted = rows.sort((a, b) => compare(a.deviceId, b.deviceId))
    for (const part of inParts(sorted, DEVICES_MAX)) await update(transaction, type, part)
  }
  return { transitions: folded.transitions, devices: folded.changed, audits: folded.audits }
}

async function lock(
  transaction: Transaction,
  type: AnyDeviceType,
  deviceIds: readonly string[],
  live: Map<string, LiveState>,
): Promise<void> {
  const { rows } = await transaction.run(
    sql`select ${selectList(transaction.dialect, LIVE)} from ${sql.table(tableNames(type).device)} as t
      where t.device_id in (${sql.join(deviceIds)}) order by t.device_id ${forNoKeyUpdate(transaction.dialect)}`,
  )
  for (const row of rows.map(readRow))
    live.set(keyOf(type, row.text(0) ?? ''), {
      status: row.text(1) as DeviceStatus,
      statusAt: row.number(2),
      batteryLevel: row.number(3),
      firmwareVersion: row.text(4),
      lastSeen: row.number(5),
      sessionAt: row.number(6),
      statusClaimedAt: row.number(7),
    })
}

async function update(
  transaction: Transaction,
  type: AnyDeviceType,
  devices: readonly CommittedDevice[],
): Promise<void> {
  const table = sql.table(tableNames(type).device)
  if (transaction.dialect === 'postgres') {
    const rows = devices.map(
      ({ deviceId: id, live: state }) =>
        sql`(${id}::text, ${state.status}::text, ${state.statusAt}::float8, ${state.batteryLevel}::float8, ${state.firmwareVersion}::text, ${state.lastSeen}::float8, ${state.sessionAt}::float8, ${state.statusClaimedAt}::float8)`,
    )
    await transaction.run(
      sql`update ${table} as d set status = v.status, status_at = to_timestamp(v.status_at / 1000),
        battery_level = v.battery_level, firmware_version = v.firmware_version, last_seen = to_timestamp(v.last_seen / 1000),
        session_at = to_timestamp(v.session_at / 1000), status_claimed_at = to_timestamp(v.status_claimed_at / 1000)
        from (values ${sql.join(rows)}) as v(device_id, status, status_at, battery_level, firmware_version, last_seen, session_at, status_claimed_at)
        where d.device_id = v.device_id`,
    )
    return
  }
  const chosen = (of: (state: LiveState) => unknown) =>
    sql`case device_id ${sql.join(
      devices.map(({ deviceId, live }) => sql`when ${deviceId} then ${of(live)}`),
      sql` `,
    )} end`
  await transaction.run(
    sql`update ${table} set status = ${chosen((state) => state.status)},
      status_at = ${chosen((state) => state.statusAt)},
      battery_level = ${chosen((state) => state.batteryLevel)},
      firmware_version = ${chosen((state) => state.firmwareVersion)},
      last_seen = ${chosen((state) => state.lastSeen)},
      session_at = ${chosen((state) => state.sessionAt)},
      status_claimed_at = ${chosen((state) => state.statusClaimedAt)}
      where device_id in (${sql.join(devices.map(({ deviceId }) => deviceId))})`,
  )
}

const keyOf = (type: AnyDeviceType, deviceId: string) => `${type.key}/${deviceId}`
