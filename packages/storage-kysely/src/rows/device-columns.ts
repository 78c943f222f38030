import type { AnyDeviceType, DeviceStatus } from '@devicehub/core'
import type { Field } from '@devicehub/core/definition'
import type { DeviceColumn, DevicePatch, DeviceRecord } from '@devicehub/core/storage'
import { fieldType } from '../schema/logical-type.js'
import { type ColumnSource, isWide, type ValueKind, valueKind } from './column-source.js'
import type { RowReader } from './row-reader.js'

/** How the devices of a type are written and read. */
export interface DeviceShape {
  /** In the order of the select list. */
  readonly columns: readonly ColumnSource<DeviceRecord>[]
  /** The id of the row before them, for lists. */
  readonly listed: readonly Pick<ColumnSource<never>, 'name' | 'kind' | 'wide'>[]
  /** Of the state fields, in the order of `stateNames`. */
  readonly kinds: readonly ValueKind[]
}

type OwnKey = Exclude<keyof DeviceRecord, 'state'>
type PatchKey = Exclude<keyof DevicePatch, 'state' | 'labels'>

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
  ['labels', 'labels', 'json'],
]

export function deviceShape(type: AnyDeviceType): DeviceShape {
  const state = type.stateNames.map(
    (name, index): ColumnSource<DeviceRecord> => ({
      name,
      kind: valueKind(fieldType(type.state[name] as Field)),
      wide: isWide(type.state[name] as Field),
      get: (device) => device.state[index] as (typeof device.state)[number],
    }),
  )
  const own = OWN_COLUMNS.map(
    ([key, name, kind]): ColumnSource<DeviceRecord> => ({
      name,
      kind,
      wide: kind === 'json',
      get: key === 'labels' ? ({ labels }) => JSON.stringify(labels) : (device) => device[key],
    }),
  )
  const columns = [...own, ...state]
  return {
    columns,
    listed: [{ name: 'id', kind: 'integer' }, ...columns],
    kinds: state.map(({ kind }) => kind),
  }
}

/** `first`: where its columns begin. */
export function deviceRecord(shape: DeviceShape, row: RowReader, first = 0): DeviceRecord {
  return {
    deviceId: row.text(first) ?? '',
    name: row.text(first + 1) ?? '',
    status: row.text(first + 2) as DeviceStatus,
    statusAt: row.number(first + 3),
    batteryLevel: row.number(first + 4),
    lastSeen: row.number(first + 5),
    firmwareVersion: row.text(first + 6),
    isActive: row.boolean(first + 7) ?? false,
    sessionAt: row.number(first + 8),
    mqttUsername: row.text(first + 9),
    metadata: row.text(first + 10) ?? '{}',
    createdAt: row.number(first + 11) ?? 0,
    updatedAt: row.number(first + 12) ?? 0,
    statusClaimedAt: row.number(first + 13),
    labels: JSON.parse(row.text(first + 14) ?? '{}') as Record<string, string>,
    state: shape.kinds.map((kind, index) => row.value(first + OWN_COLUMNS.length + index, kind)),
  }
}

/** The column of a property that a patch may change. */
export function patchedColumn(key: PatchKey): readonly [string, ValueKind] {
  const [, name, kind] = OWN_COLUMNS.find(([own]) => own === key) as (typeof OWN_COLUMNS)[number]
  return [name, kind]
}

/** The column of a property that a condition speaks of. */
export function deviceColumn(key: DeviceColumn): readonly [string, ValueKind] {
  const [, name, kind] = OWN_COLUMNS.find(([own]) => own === key) as (typeof OWN_COLUMNS)[number]
  return [name, kind]
}
