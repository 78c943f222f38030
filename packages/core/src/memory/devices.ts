import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type {
  DeviceFilter,
  DevicePatch,
  DeviceRecord,
  OverdueQuery,
  SetBackRequest,
} from '../ports/devices.js'
import type { Page, PageRequest } from '../ports/storage.js'
import { asciiLower } from '../rules/ascii-lower.js'
import { checkValues } from '../rules/check-values.js'
import { DEVICE_DELETED } from '../rules/command-order.js'
import { readCursor, writeCursor } from '../rules/cursor.js'
import { bytesOf, pageOf } from '../rules/page-of.js'
import { deviceExists, unknownStateField, usernameTaken } from '../rules/storage-errors.js'
import type { MemoryDatabase } from './database.js'
import type { OpenedMemory } from './opened-memory.js'
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
  { tableOf }: OpenedMemory,
  type: AnyDeviceType,
  ids: readonly string[],
): DeviceRecord[] {
  const { devices } = tableOf(type)
  return [...new Set(ids)].flatMap((id) => {
    const row = devices.get(id)
    return row ? [given(type, row)] : []
  })
}

export function listDevices(
  { tableOf }: OpenedMemory,
  type: AnyDeviceType,
  filter: DeviceFilter,
  page: PageRequest,
): Page<DeviceRecord> {
  const before = page.cursor === undefined ? null : readCursor('devices', page.cursor)
  const rows = tableOf(type).deviceList.descending(
    undefined,
    ({ record }) =>
      before !== null &&
      (record.createdAt > before.key || (record.createdAt === before.key && record.deviceId >= before.tie)),
  )
  const search = filter.search === undefined ? undefined : asciiLower(filter.search)
  const matches = ({ record }: DeviceRow) =>
    (filter.status === undefined || record.status === filter.status) &&
    (filter.isActive === undefined || record.isActive === filter.isActive) &&
    (search === undefined ||
      asciiLower(record.deviceId).includes(search) ||
      asciiLower(record.name).includes(search))
  return pageOf(rows, page, {
    matches,
    toItem: (row) => given(type, row),
    cursorOf: ({ record }) => writeCursor('devices', record.createdAt, record.deviceId),
    bytesOf: bytesOfDevice,
  })
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
    bytesOf: bytesOfDevice,
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
  { telemetry, tableOf }: OpenedMemory,
  type: AnyDeviceType,
  deviceId: string,
  { state, ...columns }: DevicePatch,
  now: number,
): DeviceRecord | null {
  const table = tableOf(type)
  const row = table.devices.get(deviceId)
  if (!row) return null
  const record = given(type, row)
  const nextState = [...record.state]
  for (const [name, value] of Object.entries(state ?? {})) {
    const index = type.stateNames.indexOf(name)
    if (index < 0) throw unknownStateField(type, name)
    nextState[index] = copyValue(value)
  }
  const changed = Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined))
  const next = { ...record, ...changed, state: nextState, updatedAt: now }
  check(type, table, next)
  telemetry.updateDevice(table, row, next, type.stateNames)
  if (columns.isActive !== undefined) database.credentials.changed({ typeKey: type.key, deviceId })
  return given(type, row)
}

export function deleteDevice(
  database: MemoryDatabase,
  { telemetry, tableOf }: OpenedMemory,
  type: AnyDeviceType,
  deviceId: string,
  now: number,
): boolean {
  const table = tableOf(type)
  const row = table.devices.get(deviceId)
  if (!row) return false
  telemetry.removeDevice(table, row)
  database.commands.cancelOf(type.key, deviceId, DEVICE_DELETED, now)
  database.twins.deleted(type.key, deviceId)
  database.claims.deleted({ typeKey: type.key, deviceId })
  database.credentials.deleted({ typeKey: type.key, deviceId })
  return true
}

const bytesOfDevice = ({ record }: DeviceRow) => bytesOf(record.metadata, ...record.state)

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
