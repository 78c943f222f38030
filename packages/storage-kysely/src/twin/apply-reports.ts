import type { AnyDeviceType } from '@devicehub/core'
import {
  applyReport,
  type CommitEntry,
  type DesiredPublished,
  type ReportOutcome,
  type StateReport,
} from '@devicehub/core/storage'
import type { StoredValue } from '@devicehub/core/transport'
import { sql } from 'kysely'
import { compare } from '../commit/prepare-batch.js'
import type { Transaction } from '../connection/connection.js'
import { databaseNow } from '../connection/database-clock.js'
import { numberSql } from '../connection/number-sql.js'
import { columnValue } from '../connection/sql-fragments.js'
import { checkValue } from '../rows/check-value.js'
import { deviceShape } from '../rows/device-columns.js'
import { TWIN_TABLE, tableNames } from '../schema/tables.js'
import { inSyncValue } from './note-sync.js'
import { NO_TWIN, readStates, readTwins, type TwinRow } from './twin-rows.js'

interface OpenTwin {
  row: TwinRow
  state: StoredValue[]
  readonly changed: Set<string>
}

/** Devices that are locked at once. */
const DEVICES_MAX = 200

/**
 * Applies the reports of a batch to the rows of their devices and twins, in order and under a lock of both. Returns
 * outcomes by entry; reports of devices that do not exist are skipped.
 */
export async function applyReports(
  transaction: Transaction,
  entries: readonly CommitEntry[],
): Promise<Map<number, ReportOutcome>> {
  const outcomes = new Map<number, ReportOutcome>()
  const types = new Map<string, AnyDeviceType>()
  for (const { type, report } of entries) if (type && report) types.set(type.key, type)
  for (const key of [...types.keys()].sort(compare)) {
    const type = types.get(key) as AnyDeviceType
    const reports = entries.flatMap(({ type: of, report, message }, index) =>
      of?.key === key && report && message.deviceId !== null
        ? [{ index, report, deviceId: message.deviceId }]
        : [],
    )
    const open = await lock(
      transaction,
      type,
      [...new Set(reports.map(({ deviceId }) => deviceId))].sort(compare),
    )
    for (const { index, report, deviceId } of reports) {
      const twin = open.get(deviceId)
      if (twin) outcomes.set(index, apply(type, twin, report))
    }
    for (const [deviceId, twin] of open) await update(transaction, type, deviceId, twin)
  }
  return outcomes
}

async function lock(
  transaction: Transaction,
  type: AnyDeviceType,
  deviceIds: readonly string[],
): Promise<Map<string, OpenTwin>> {
  const open = new Map<string, OpenTwin>()
  for (let at = 0; at < deviceIds.length; at += DEVICES_MAX) {
    const states = await readStates(transaction, type, deviceIds.slice(at, at + DEVICES_MAX), true)
    if (states.size === 0) continue
    const rows = await readTwins(transaction, type, [...states.keys()], true)
    for (const [deviceId, { state }] of states)
      open.set(deviceId, { row: rows.get(deviceId) ?? NO_TWIN, state: [...state], changed: new Set() })
  }
  return open
}

function apply(type: AnyDeviceType, twin: OpenTwin, report: StateReport): ReportOutcome {
  const { applied, next } = applyReport(twin.row, report)
  twin.row = { ...twin.row, ...next }
  for (const name of applied) {
    twin.state[type.stateNames.indexOf(name)] = report.values[name] ?? null
    twin.changed.add(name)
  }
  return { applied, record: { ...twin.row, state: [...twin.state] } }
}

async function update(
  transaction: Transaction,
  type: AnyDeviceType,
  deviceId: string,
  twin: OpenTwin,
): Promise<void> {
  const { dialect } = transaction
  const { row, state, changed } = twin
  await transaction.run(
    sql`update ${sql.table(TWIN_TABLE)} set reported_version = ${row.reportedVersion === null ? sql`null` : numberSql(row.reportedVersion)},
      reported_at = ${JSON.stringify(row.reportedAt)}, in_sync = ${inSyncValue(dialect, type, row, state)} where type_key = ${type.key} and device_id = ${deviceId}`,
  )
  if (changed.size === 0) return
  const table = tableNames(type).device
  const { kinds } = deviceShape(type)
  const assignments = [...changed].map((name) => {
    const index = type.stateNames.indexOf(name)
    const [kind, value] = [kinds[index] ?? 'text', state[index] ?? null]
    if (value !== null) checkValue(table, { name, kind }, value)
    return sql`${sql.ref(name)} = ${columnValue(dialect, kind, value)}`
  })
  await transaction.run(
    sql`update ${sql.table(table)} set ${sql.join(assignments)} where device_id = ${deviceId}`,
  )
}

/** Records the publications of a batch: see `DesiredPublished`. */
export async function applyPublished(
  transaction: Transaction,
  entries: readonly CommitEntry[],
): Promise<void> {
  for (const { type, message, desired } of entries)
    if (type && desired && message.deviceId !== null)
      await published(transaction, type.key, message.deviceId, desired)
}

async function published(
  transaction: Transaction,
  typeKey: string,
  deviceId: string,
  { version, claim }: DesiredPublished,
): Promise<void> {
  const { dialect } = transaction
  // MySQL assigns from left to right and sees the new values: `claim` and `version` must be read before they change.
  await transaction.run(
    sql`update ${sql.table(TWIN_TABLE)} set
      next_at = case when claim = ${claim} and version = ${version} then null else ${databaseNow(dialect)} end,
      claim = null,
      published_version = case when published_version > ${version} then published_version else ${version} end
      where type_key = ${typeKey} and device_id = ${deviceId}`,
  )
}
