import { jsonCodec } from '../model/codec/json.js'
import { fromStored, toJson, toStored } from '../model/codec/stored-value.js'
import { optionOf } from '../model/device-type/default-options.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { Field } from '../model/device-type/field.js'
import type { StoredValue } from '../model/values.js'
import type { TwinRecord } from '../ports/twins.js'
import { deltaOf, storedDesired } from '../rules/state-delta.js'

/** The state of a device: what it is to be, what it says it is, and where the two differ. */
export interface Twin<State = Readonly<Record<string, unknown>>> {
  /** Of the device. */
  readonly deviceId: string
  /** The fields that were set, and not taken away again. */
  readonly desired: { readonly [Name in keyof State]?: Exclude<State[Name], null | undefined> }
  /** The fields as the device reported them last; before its first report their defaults. */
  readonly reported: State
  /** The desired fields whose reported value is another. */
  readonly delta: { readonly [Name in keyof State]?: Exclude<State[Name], null | undefined> }
  /** Of the desired state; 0: none was ever set. */
  readonly version: number
  /** The highest version the device says it has applied; null: none. */
  readonly reportedVersion: number | null
  /** The version the broker has taken last; 0: none. */
  readonly publishedVersion: number
  /** When each desired field was set. */
  readonly desiredAt: { readonly [Name in keyof State]?: Date }
  /** When each field was reported last, by the device's own time if it gave one; absent: never, or nobody knows when. */
  readonly reportedAt: { readonly [Name in keyof State]?: Date }
}

export function toTwin(type: AnyDeviceType, deviceId: string, record: TwinRecord): Twin {
  const fields = type.stateNames.map((name, index) => ({
    name,
    field: type.state[name] as Field,
    value: record.state[index] ?? null,
  }))
  const desired = storedDesired(type, record)
  const values = (of: Readonly<Record<string, StoredValue>>) =>
    Object.fromEntries(
      Object.entries(of).map(([name, value]) => [name, fromStored(type.state[name] as Field, value)]),
    ) as Twin['desired']
  return {
    deviceId,
    desired: values(desired),
    reported: Object.fromEntries(fields.map(({ name, field, value }) => [name, fromStored(field, value)])),
    delta: values(deltaOf(type, record)),
    version: record.version,
    reportedVersion: record.reportedVersion,
    publishedVersion: record.publishedVersion,
    desiredAt: dates(record.desiredAt),
    reportedAt: dates(
      Object.fromEntries(
        Object.entries(record.reportedAt)
          .map(([name, { at, claimedAt }]): [string, number] => [name, claimedAt ?? at])
          .filter(([, at]) => at > 0),
      ),
    ),
  }
}

/** A desired document as the type's codec takes it: bytes stay bytes where the codec has them. */
export function toWire(
  type: AnyDeviceType,
  desired: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const isJson = optionOf(type, 'codec') === jsonCodec
  return Object.fromEntries(
    Object.entries(desired).map(([name, value]) => {
      const field = Object.hasOwn(type.state, name) ? type.state[name] : undefined
      if (isJson || field?.kind !== 'binary') return [name, value]
      return [name, toStored(field, value, name)]
    }),
  )
}

/** A caller's value as JSON has it, once it is known to fit. */
export const desiredValue = (field: Field, value: unknown, name: string): unknown =>
  toJson(field, toStored(field, value, name))

const dates = (times: Readonly<Record<string, number>>) =>
  Object.fromEntries(Object.entries(times).map(([name, at]) => [name, new Date(at)]))
