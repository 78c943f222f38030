import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { Condition } from '../model/selector/condition.js'
import {
  type DeviceListPage,
  type DeviceListRequest,
  type DevicePatch,
  type DeviceRecord,
  type DeviceSort,
  type FleetOverview,
  NEWEST_FIRST,
  type OverdueQuery,
  type OverviewRequest,
  type SetBackRequest,
  type SharedPatch,
} from '../ports/devices.js'
import type { Page } from '../ports/storage.js'
import { changeLabels } from '../rules/change-labels.js'
import { checkValues } from '../rules/check-values.js'
import { DEVICE_DELETED } from '../rules/command-order.js'
import { readCursor, writeCursor } from '../rules/cursor.js'
import { overviewOf } from '../rules/fleet-overview.js'
import { type JudgedDevice, judgeDevice } from '../rules/judge-device.js'
import { bytesOfDevice, pageOfDevices, positionOf, sortDevices } from '../rules/list-devices.js'
import { pageOf } from '../rules/page-of.js'
import { deviceExists, outOfScope, unknownStateField, usernameTaken } from '../rules/storage-errors.js'
import type { MemoryDatabase } from './database.js'
import type { OpenedMemory } from './opened-memory.js'
import { latestReadings } from './readings.js'
import { copyValue, type DeviceRow, inOrderOf, type TypeTable } from './tables.js'

export function createDevice(opened: OpenedMemory, type: AnyDeviceType, device: DeviceRecord): void {
  if (opened.tableOf(type).devices.has(device.deviceId)) throw deviceExists(type, device.deviceId)
  ensureDevices(opened, type, [device])
}

export function ensureDevices(
  { telemetry, tableOf }: OpenedMemory,
  type: AnyDeviceType,
  devices: readonly DeviceRecord[],
): void {
  const table = tableOf(type)
  const added = devices.filter(({ deviceId }) => !table.devices.has(deviceId))
  for (const device of added) check(type, table, device)
  for (const device of added)
    if (!table.devices.has(device.deviceId)) telemetry.addDevice(table, device, type.stateNames)
}

export function findDevices(
  database: MemoryDatabase,
  opened: OpenedMemory,
  type: AnyDeviceType,
  ids: readonly string[],
  within?: Condition,
): DeviceRecord[] {
  return [...new Set(ids)].flatMap((id) => {
    const row = rowWithin(database, opened, type, id, within)
    return row ? [given(type, row)] : []
  })
}

/** The row of a device for which the condition holds; without a condition of any. */
export function rowWithin(
  database: MemoryDatabase,
  opened: OpenedMemory,
  type: AnyDeviceType,
  deviceId: string,
  within: Condition | undefined,
): DeviceRow | null {
  const row = opened.tableOf(type).devices.get(deviceId)
  if (row === undefined) return null
  return within === undefined || judgeDevice(type, within, judged(database, opened, type, given(type, row)))
    ? row
    : null
}

export function listDevices(
  database: MemoryDatabase,
  opened: OpenedMemory,
  type: AnyDeviceType,
  condition: Condition,
  request: DeviceListRequest,
): DeviceListPage {
  const { sort = NEWEST_FIRST } = request
  return pageOfDevices(inOrder(database, opened, type, condition, sort), request)
}

/** The rows are kept in the order of their creation; for any other they are sorted. */
function* inOrder(
  database: MemoryDatabase,
  opened: OpenedMemory,
  type: AnyDeviceType,
  condition: Condition,
  sort: DeviceSort,
): Iterable<DeviceListPage['items'][number]> {
  const rows = matchingDevices(database, opened, type, condition)
  if (sort.by.of !== 'device' || sort.by.name !== 'createdAt' || !sort.descending)
    return yield* sortDevices(type, sort, rows)
  for (const device of rows) yield { record: device.record, position: positionOf(type, sort, device) }
}

/** Newest first. */
function* matchingDevices(
  database: MemoryDatabase,
  opened: OpenedMemory,
  type: AnyDeviceType,
  condition: Condition,
): Iterable<JudgedDevice> {
  for (const row of opened.tableOf(type).deviceList.descending()) {
    const device = judged(database, opened, type, given(type, row))
    if (judgeDevice(type, condition, device)) yield device
  }
}

export function countDevices(
  database: MemoryDatabase,
  opened: OpenedMemory,
  type: AnyDeviceType,
  condition: Condition,
  max: number,
): number {
  let count = 0
  for (const _ of matchingDevices(database, opened, type, condition)) if (++count >= max) break
  return count
}

export const overview = (
  database: MemoryDatabase,
  opened: OpenedMemory,
  type: AnyDeviceType,
  condition: Condition,
  request: OverviewRequest,
): FleetOverview =>
  overviewOf(
    [...matchingDevices(database, opened, type, condition)].map(({ record }) => record),
    request,
  )

function judged(
  database: MemoryDatabase,
  opened: OpenedMemory,
  type: AnyDeviceType,
  record: DeviceRecord,
): JudgedDevice {
  const { deviceId } = record
  return {
    record,
    lastValues: () =>
      latestReadings(opened, type, [deviceId])[0]?.values.map((last) => last?.value ?? null) ?? [],
    isInSync: () => database.twins.isInSync(opened, type, deviceId),
  }
}

export function overdueDevices(
  { tableOf }: OpenedMemory,
  type: AnyDeviceType,
  { before, statuses, cursor, ...page }: OverdueQuery,
): Page<DeviceRecord> {
  const after = cursor === undefined ? null : readCursor('overdue', cursor)
  const rows = tableOf(type).deviceList.ascending(
    ({ record }) =>
      after === null ||
      record.createdAt > after.key ||
      (record.createdAt === after.key && record.deviceId > after.tie),
  )
  const matches = ({ record }: DeviceRow) =>
    record.isActive &&
    record.lastSeen !== null &&
    record.lastSeen < before &&
    (record.statusAt === null || record.statusAt < before) &&
    statuses.includes(record.status)
  return pageOf(rows, page, {
    matches,
    toItem: (row) => given(type, row),
    cursorOf: ({ record }) => writeCursor('overdue', record.createdAt, record.deviceId),
    bytesOf: ({ record }) => bytesOfDevice(record),
  })
}

export function setBackDevices(
  { tableOf }: OpenedMemory,
  type: AnyDeviceType,
  { after, now }: SetBackRequest,
): number {
  let count = 0
  const isAhead = (time: number | null) => time !== null && time > after
  for (const row of tableOf(type).deviceList.ascending()) {
    const { lastSeen, statusAt } = row.record
    if (!isAhead(lastSeen) && !isAhead(statusAt)) continue
    count++
    row.record = {
      ...row.record,
      lastSeen: isAhead(lastSeen) ? now : lastSeen,
      statusAt: isAhead(statusAt) ? now : statusAt,
    }
  }
  return count
}

export function updateDevice(
  database: MemoryDatabase,
  opened: OpenedMemory,
  type: AnyDeviceType,
  deviceId: string,
  patch: DevicePatch,
  now: number,
  within?: Condition,
): DeviceRecord | null {
  const row = rowWithin(database, opened, type, deviceId, within)
  if (!row) return null
  const next = changed(type, given(type, row), patch, now)
  assertStays(database, opened, type, next, within)
  const table = opened.tableOf(type)
  check(type, table, next)
  opened.telemetry.updateDevice(table, row, next, type.stateNames)
  if (patch.isActive !== undefined) database.credentials.changed({ typeKey: type.key, deviceId })
  return given(type, row)
}

function assertStays(
  database: MemoryDatabase,
  opened: OpenedMemory,
  type: AnyDeviceType,
  next: DeviceRecord,
  within: Condition | undefined,
): void {
  if (within !== undefined && !judgeDevice(type, within, judged(database, opened, type, next)))
    throw outOfScope(type, next.deviceId)
}

function changed(
  type: AnyDeviceType,
  record: DeviceRecord,
  { state, labels, ...columns }: DevicePatch,
  now: number,
): DeviceRecord {
  const nextState = [...record.state]
  for (const [name, value] of Object.entries(state ?? {})) {
    const index = type.stateNames.indexOf(name)
    if (index < 0) throw unknownStateField(type, name)
    nextState[index] = copyValue(value)
  }
  const given = Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined))
  return {
    ...record,
    ...given,
    labels: labels === undefined ? record.labels : changeLabels(record.deviceId, record.labels, labels),
    state: nextState,
    updatedAt: now,
  }
}

/** All are looked at before any is changed: too many labels of one leave all as they are. */
export function updateDevices(
  database: MemoryDatabase,
  opened: OpenedMemory,
  type: AnyDeviceType,
  deviceIds: readonly string[],
  patch: SharedPatch,
  now: number,
  within?: Condition,
): string[] {
  const records = findDevices(database, opened, type, deviceIds, within)
  for (const record of records) assertStays(database, opened, type, changed(type, record, patch, now), within)
  for (const { deviceId } of records) updateDevice(database, opened, type, deviceId, patch, now)
  return records.map(({ deviceId }) => deviceId)
}

export function deleteDevice(
  database: MemoryDatabase,
  opened: OpenedMemory,
  type: AnyDeviceType,
  deviceId: string,
  now: number,
  within?: Condition,
): boolean {
  const row = rowWithin(database, opened, type, deviceId, within)
  if (!row) return false
  opened.telemetry.removeDevice(opened.tableOf(type), row)
  database.commands.cancelOf(type.key, deviceId, DEVICE_DELETED, now)
  database.twins.deleted(type.key, deviceId)
  database.claims.deleted({ typeKey: type.key, deviceId })
  database.credentials.deleted({ typeKey: type.key, deviceId })
  return true
}

const given = (type: AnyDeviceType, { record, stateNames }: DeviceRow): DeviceRecord => ({
  ...record,
  state: inOrderOf(type.stateNames, stateNames, record.state),
})

function check(type: AnyDeviceType, table: TypeTable, device: DeviceRecord): void {
  checkValues(`The state of ${device.deviceId}`, type.state, type.stateNames, device.state)
  const { deviceId, mqttUsername } = device
  const holder = mqttUsername === null ? undefined : table.holders.get(mqttUsername)
  if (holder !== undefined && holder !== deviceId) throw usernameTaken(type, [deviceId])
}
