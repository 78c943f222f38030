import {
  accept,
  anything,
  flag,
  jsonObjectText,
  number,
  type OptionRules,
  optional,
  options,
  orNull,
  record,
  showValue,
  text,
  trusting,
  word,
} from '../model/check/index.js'
import { fromStored, toStored } from '../model/codec/stored-value.js'
import type { AnyDeviceType, Device } from '../model/device-type/device-type.js'
import { deviceType } from '../model/device-type/type-rule.js'
import { DeviceHubError } from '../model/errors.js'
import { type Labels, labelChange, labels } from '../model/selector/labels.js'
import { DEVICE_STATUSES, type DeviceStatus } from '../model/statuses.js'
import { DEVICE_ID_RULE } from '../model/topic/device-id.js'
import type { StoredValue } from '../model/values.js'
import type { DeviceRecord, SharedPatch } from '../ports/devices.js'
import { changeLabels } from './change-labels.js'

/** What a caller may say of a new device. */
export interface NewDevice<State = Readonly<Record<string, unknown>>> {
  /** Unique within the type; a level of its topics. */
  readonly deviceId: string
  /** Default: the device id. */
  readonly name?: string
  /** Default `offline`. */
  readonly status?: DeviceStatus
  /** Default true. False: its messages are rejected. */
  readonly isActive?: boolean
  /** Default null: unknown. */
  readonly firmwareVersion?: string | null
  /** Default `{}`; at most the hub's `maxMetadata` bytes as JSON. */
  readonly metadata?: Readonly<Record<string, unknown>>
  /** Keys and values that devices are chosen by; at most 64. Default none. */
  readonly labels?: Labels
  /** Fields that are left out take their declared default. */
  readonly state?: Partial<State>
}

/** A row as the API shows it. */
export const toDevice = trusting('toDevice', 'a device type and the row of a device', deviceOf)

function deviceOf(type: AnyDeviceType, record: DeviceRecord): Device {
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
    labels: record.labels,
    state,
    createdAt: new Date(record.createdAt),
    updatedAt: new Date(record.updatedAt),
  }
}

/** The row of a device that does not exist yet; the device id was checked by the caller. `invalid_payload` names a field that does not fit. */
export function newDeviceRecord(
  type: AnyDeviceType,
  device: NewDevice,
  now: number,
  { maxMetadata = METADATA_BYTES }: { readonly maxMetadata?: number } = {},
): DeviceRecord {
  accept('newDeviceRecord', 'type', deviceType, type)
  accept('newDeviceRecord', 'now', number(), now)
  return toRecord(type, acceptNewDevice('newDeviceRecord', device, maxMetadata), now)
}

export function toRecord(type: AnyDeviceType, device: CheckedDevice, now: number): DeviceRecord {
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
    metadata: device.metadata ?? '{}',
    labels: changeLabels(device.deviceId, {}, device.labels ?? {}),
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
        `${type.name} has no state field ${showValue(name)}; declared: ${known}`,
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

/** The fields that a caller may set; metadata as its text. */
interface CheckedFields<Label = string | null> {
  readonly name?: string
  readonly status?: DeviceStatus
  readonly isActive?: boolean
  readonly firmwareVersion?: string | null
  readonly metadata?: string
  readonly labels?: Readonly<Record<string, Label>>
  readonly state?: Readonly<Record<string, unknown>>
}

export interface CheckedDevice extends CheckedFields<string> {
  readonly deviceId: string
}

const FIELDS: OptionRules<Omit<CheckedFields, 'labels'>> = {
  name: optional(text({ min: 0, max: 255 })),
  status: optional(word(...DEVICE_STATUSES)),
  isActive: optional(flag),
  firmwareVersion: optional(orNull(text({ min: 0, max: 50 }))),
  metadata: optional(jsonObjectText),
  state: optional(record),
}

// The id has a check of its own, which names the character that is wrong.
const NEW_DEVICE = options<CheckedDevice>(
  { ...FIELDS, labels: optional(labels), deviceId: anything(DEVICE_ID_RULE) },
  "an object such as { deviceId: 'STATION-001' }",
)

const CHANGE = options<CheckedFields>(
  { ...FIELDS, labels: optional(labelChange) },
  'what changes of a device',
  'Pass only what changes: { name } instead of { ...device, name }',
)

const SHARED = options<SharedPatch>(
  {
    name: FIELDS.name,
    isActive: FIELDS.isActive,
    firmwareVersion: FIELDS.firmwareVersion,
    metadata: FIELDS.metadata,
    labels: optional(labelChange),
  },
  'what changes of several devices: name, isActive, firmwareVersion, metadata, labels',
)

/** Callers in plain JavaScript, and values from forms: what does not fit is named here, with `invalid_payload`. */
export const acceptNewDevice = (call: string, device: unknown, maxMetadata: number): CheckedDevice =>
  withinMetadata(call, accept(call, 'device', NEW_DEVICE, device, 'invalid_payload'), maxMetadata)

export const acceptChange = (call: string, change: unknown, maxMetadata: number): CheckedFields =>
  withinMetadata(call, accept(call, 'change', CHANGE, change, 'invalid_payload'), maxMetadata)

/** What may be said of several devices at once. */
export const acceptSharedChange = (call: string, change: unknown, maxMetadata: number): SharedPatch =>
  withinMetadata(call, accept(call, 'change', SHARED, change, 'invalid_payload'), maxMetadata)

/** Of a device's metadata as JSON, where the hub does not say otherwise: each list and each look at a device reads it. */
export const METADATA_BYTES = 64 << 10

function withinMetadata<T extends CheckedFields>(call: string, fields: T, max: number): T {
  const bytes = fields.metadata === undefined ? 0 : Buffer.byteLength(fields.metadata)
  if (bytes <= max) return fields
  throw new DeviceHubError(
    'invalid_payload',
    `${call}: metadata has ${bytes} bytes as JSON; at most ${max} are taken (option maxMetadata of createDeviceHub)`,
    { details: { function: call, key: 'metadata', bytes, max } },
  )
}
