import { fromStored, toStored } from '../codec/stored-value.js'
import type { AnyDeviceType } from '../device-type/device-type.js'
import { DeviceHubError } from '../errors.js'
import type { DeviceRecord, DeviceStatus, StoredValue } from '../ports/storage.js'
import { acceptNewDevice } from './argument-rules.js'

/** A device as the API and the signals show it: no credentials. */
export interface Device<State = Readonly<Record<string, unknown>>> {
  readonly type: AnyDeviceType
  readonly deviceId: string
  readonly name: string
  readonly status: DeviceStatus
  /** Percent. */
  readonly batteryLevel: number | null
  readonly lastSeen: Date | null
  readonly firmwareVersion: string | null
  readonly isActive: boolean
  readonly mqttUsername: string | null
  readonly metadata: Readonly<Record<string, unknown>>
  readonly state: State
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** What a caller may say of a new device. */
export interface NewDevice<State = Readonly<Record<string, unknown>>> {
  readonly deviceId: string
  /** Default: the device id. */
  readonly name?: string
  /** Default `offline`. */
  readonly status?: DeviceStatus
  readonly isActive?: boolean
  readonly firmwareVersion?: string | null
  readonly metadata?: Readonly<Record<string, unknown>>
  /** Fields that are left out take their declared default. */
  readonly state?: Partial<State>
}

/** A row as the API shows it. */
export function toDevice(type: AnyDeviceType, record: DeviceRecord): Device {
  const state: Record<string, unknown> = {}
  type.stateNames.forEach((name, index) => {
    const field = type.state[name]
    if (field) state[name] = fromStored(field, record.state[index] ?? null)
  })
  return {
    type,
    deviceId: record.deviceId,
    name: record.name,
    status: record.status,
    batteryLevel: record.batteryLevel,
    lastSeen: record.lastSeen === null ? null : new Date(record.lastSeen),
    firmwareVersion: record.firmwareVersion,
    isActive: record.isActive,
    mqttUsername: record.mqttUsername,
    metadata: JSON.parse(record.metadata) as Record<string, unknown>,
    state,
    createdAt: new Date(record.createdAt),
    updatedAt: new Date(record.updatedAt),
  }
}

/** The row of a device that does not exist yet; the device id was checked by the caller. `invalid_payload` names a field that does not fit. */
export function newDeviceRecord(type: AnyDeviceType, fields: NewDevice, now: number): DeviceRecord {
  const device = acceptNewDevice('a new device', fields)
  const given = storedState(type, device.state ?? {})
  return {
    deviceId: device.deviceId,
    name: device.name ?? device.deviceId,
    status: device.status ?? 'offline',
    statusAt: null,
    statusClaimedAt: null,
    batteryLevel: null,
    lastSeen: null,
    firmwareVersion: device.firmwareVersion ?? null,
    isActive: device.isActive ?? true,
    sessionAt: null,
    mqttUsername: null,
    metadata: JSON.stringify(device.metadata ?? {}),
    state: type.stateNames.map((name) => (name in given ? (given[name] ?? null) : defaultOf(type, name))),
    createdAt: now,
    updatedAt: now,
  }
}

/** State values by name in their stored form; `invalid_payload` names the field that does not fit. */
export function storedState(
  type: AnyDeviceType,
  state: Readonly<Record<string, unknown>>,
): Record<string, StoredValue> {
  const stored: Record<string, StoredValue> = Object.create(null)
  for (const [name, value] of Object.entries(state)) {
    if (value === undefined) continue
    const field = Object.hasOwn(type.state, name) ? type.state[name] : undefined
    if (field === undefined) {
      const known = type.stateNames.join(', ') || 'none'
      throw new DeviceHubError(
        'invalid_payload',
        `${type.name} has no state field "${name}"; declared: ${known}`,
        { details: { field: name } },
      )
    }
    stored[name] = toStored(field, value, `${type.name}.${name}`)
  }
  return stored
}

function defaultOf(type: AnyDeviceType, name: string): StoredValue {
  const field = type.state[name]
  return field === undefined || field.default === null ? null : toStored(field, field.default)
}
