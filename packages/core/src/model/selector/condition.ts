import type { StoredValue } from '../values.js'

/** A value that a device has: a column of its own, a field of its state, a latest reading, a label. */
export type DeviceValue =
  | { readonly of: 'device'; readonly name: DeviceColumn }
  | { readonly of: 'state' | 'reading' | 'label'; readonly name: string }

/** What a device is chosen and sorted by, beside its fields, readings and labels. */
export const DEVICE_COLUMNS = [
  'deviceId',
  'name',
  'status',
  'isActive',
  'batteryLevel',
  'firmwareVersion',
  'lastSeen',
  'createdAt',
  'updatedAt',
] as const

/** One of `DEVICE_COLUMNS`. */
export type DeviceColumn = (typeof DEVICE_COLUMNS)[number]

/** How a value is compared. */
export const RELATIONS = ['lt', 'lte', 'gt', 'gte'] as const

/** Less, less or equal, greater, greater or equal. */
export type Relation = (typeof RELATIONS)[number]

/**
 * A selector as storages get it: checked, in stored values, nothing left to be looked up. Each is true or false of a
 * device, never unknown: a value that is absent equals nothing and stands in no order, so that `not` is its exact opposite.
 */
export type Condition =
  /** Each of them; of none: every device. */
  | { readonly kind: 'all'; readonly of: readonly Condition[] }
  /** One of them at least; of none: no device. */
  | { readonly kind: 'any'; readonly of: readonly Condition[] }
  | { readonly kind: 'not'; readonly of: Condition }
  /** Equals one of these. */
  | {
      readonly kind: 'oneOf'
      readonly value: DeviceValue
      readonly values: readonly Exclude<StoredValue, null>[]
    }
  /** Numbers and times (epoch milliseconds) only. */
  | {
      readonly kind: 'compare'
      readonly value: DeviceValue
      readonly relation: Relation
      readonly with: number
    }
  /** It has no such value. */
  | { readonly kind: 'absent'; readonly value: DeviceValue }
  /** Device id or name contains it. A to Z match in either case, all other characters exactly. */
  | { readonly kind: 'search'; readonly text: string }
  /** What it reported equals what is desired of it; true also where nothing is desired. */
  | { readonly kind: 'inSync' }

export const CONDITION_KINDS = [
  'all',
  'any',
  'not',
  'oneOf',
  'compare',
  'absent',
  'search',
  'inSync',
] as const satisfies readonly Condition['kind'][]

/** The condition that holds for all devices. */
export const EVERY_DEVICE: Condition = { kind: 'all', of: [] }
/** The condition that holds for none. */
export const NO_DEVICE: Condition = { kind: 'any', of: [] }

/** Each of them, without what changes nothing. */
export function allOf(conditions: readonly Condition[]): Condition {
  const of = conditions.flatMap((each) => (each.kind === 'all' ? each.of : [each]))
  if (of.some(isNever)) return NO_DEVICE
  return of.length === 1 ? (of[0] as Condition) : { kind: 'all', of }
}

export function anyOf(conditions: readonly Condition[]): Condition {
  const of = conditions.flatMap((each) => (each.kind === 'any' ? each.of : [each]))
  if (of.some(isAlways)) return EVERY_DEVICE
  return of.length === 1 ? (of[0] as Condition) : { kind: 'any', of }
}

export function notOf(condition: Condition): Condition {
  if (condition.kind === 'not') return condition.of
  if (isNever(condition)) return EVERY_DEVICE
  if (isAlways(condition)) return NO_DEVICE
  return { kind: 'not', of: condition }
}

const isAlways = (condition: Condition) => condition.kind === 'all' && condition.of.length === 0
/** Whether it holds for no device, whatever devices there are. */
export const isNever = (condition: Condition) => condition.kind === 'any' && condition.of.length === 0
