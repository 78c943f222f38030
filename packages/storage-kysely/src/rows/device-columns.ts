import type { AnyDeviceType, DevicePatch, DeviceRecord, DeviceStatus, Field } from '@devicehub/core'
import { fieldType } from '../schema/logical-type.js'
import { type ColumnSource, type ValueKind, valueKind } from './column-source.js'
import type { RowReader } from './row-reader.js'

/** How the devices of a type are written and read. */
export interface DeviceShape {
  /** In the order of the select list. */
  readonly columns: readonly ColumnSource<DeviceRecord>[]
  /** Of the state fields, in the order of `stateNames`. */
  readonly kinds: readonly ValueKind[]
}

type OwnKey = Exclude<keyof DeviceRecord, 'state'>

const OWN_COLUMNS: readonly (readonly [OwnKey, string, ValueKind])[] = [
  ['deviceId', 'device_id', 'text'],
  ['name', 'name', 'text'],
  ['status', 'status', 'text'],
  ['statusAt', 'status_at', 'time'],
  ['batteryLevel', 'battery_level', 'float'],
  ['lastSeen', 'last_seen', 'time'],
  ['firmwareVersion', 'firmware_version', 'text'],
  ['isActive', 'is_active', 'boolean'],
  ['sessionAt', 'session_at', 'time'],
  ['mqttUsername', 'mqtt_username', 'text'],
  ['metadata', 'metadata', 'json'],
  ['createdAt', 'created_at', 'time'],
  ['updatedAt', 'updated_at', 'time'],
  ['statusClaimedAt', 'status_claimed_at', 'time'],
]

export function deviceShape(type: AnyDeviceType): DeviceShape {
  const state = type.stateNames.map(
    (name, index): ColumnSource<DeviceRecord> => ({
      name,
      kind: valueKind(fieldType(type.state[name] as Field)),
      get: (device) => device.state[index] as (typeof device.state)[number],
    }),
  )
  const own = OWN_COLUMNS.map(
    ([key, name, kind]): ColumnSource<DeviceRecord> => ({ name, kind, get: (device) => device[key] }),
  )
  return { columns: [...own, ...state], kinds: state.map(({ kind }) => kind) }
}

export function deviceRecord(shape: DeviceShape, row: RowReader): DeviceRecord {
  return {
    deviceId: row.text(0) ?? '',
    name: row.text(1) ?? '',
    status: row.text(2) as DeviceStatus,
    statusAt: row.number(3),
    batteryLevel: row.number(4),
    lastSeen: row.number(5),
    firmwareVersion: row.text(6),
    isActive: row.boolean(7) ?? false,
    sessionAt: row.number(8),
    mqttUsername: row.text(9),
    metadata: row.text(10) ?? '{}',
    createdAt: row.number(11) ?? 0,
    updatedAt: row.number(12) ?? 0,
    statusClaimedAt: row.number(13),
    state: shape.kinds.map((kind, index) => row.value(OWN_COLUMNS.length + index, kind)),
  }
}

/** The column of a property that a patch may change. */
export function patchedColumn(key: keyof Omit<DevicePatch, 'state'>): readonly [string, ValueKind] {
  const [, name, kind] = OWN_COLUMNS.find(([own]) => own === key) as (typeof OWN_COLUMNS)[number]
  return [name, kind]
}
