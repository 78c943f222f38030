import type { AnyDeviceType } from '../device-type/device-type.js'
import type { Field } from '../device-type/field.js'
import type { Selector } from './selector.js'

/** The keys of a selector's text and what they stand for. Long names are understood as well. */
const SHORT: Readonly<Record<string, keyof Selector>> = {
  id: 'deviceId',
  name: 'name',
  type: 'type',
  status: 'status',
  active: 'isActive',
  battery: 'batteryLevel',
  firmware: 'firmwareVersion',
  seen: 'lastSeen',
  created: 'createdAt',
  updated: 'updatedAt',
  synced: 'inSync',
}
const KEYS: ReadonlyMap<string, keyof Selector> = new Map(
  Object.entries(SHORT).flatMap(([short, key]) => [[short, key] as const, [key, key] as const]),
)
const SHORT_OF: ReadonlyMap<string, string> = new Map(
  Object.entries(SHORT).map(([short, key]) => [key, short]),
)

/** How the text of a value is read. `any`: of a field whose type nobody told. */
export type ValueKind = 'text' | 'number' | 'flag' | 'time' | 'any'

export type KeyPath =
  | { readonly group: null; readonly key: keyof Selector; readonly kind: ValueKind }
  | { readonly group: 'labels' | 'state' | 'readings'; readonly key: string; readonly kind: ValueKind }

const KINDS: Readonly<Partial<Record<keyof Selector, ValueKind>>> = {
  isActive: 'flag',
  inSync: 'flag',
  batteryLevel: 'number',
  lastSeen: 'time',
  createdAt: 'time',
  updatedAt: 'time',
}

const PREFIXES = [
  ['label.', 'labels'],
  ['state.', 'state'],
  ['reading.', 'readings'],
] as const

/** What a key means: a column of the device, else a state field, else a reading of one of the types, else a label. */
export function keyPath(written: string, types: readonly AnyDeviceType[]): KeyPath {
  for (const [prefix, group] of PREFIXES)
    if (written.startsWith(prefix)) return inGroup(group, written.slice(prefix.length), types)
  const key = KEYS.get(written)
  if (key !== undefined) return { group: null, key, kind: KINDS[key] ?? 'text' }
  if (types.some(({ state }) => Object.hasOwn(state, written))) return inGroup('state', written, types)
  if (types.some(({ readings }) => Object.hasOwn(readings, written)))
    return inGroup('readings', written, types)
  return inGroup('labels', written, types)
}

function inGroup(
  group: 'labels' | 'state' | 'readings',
  key: string,
  types: readonly AnyDeviceType[],
): KeyPath {
  if (group === 'labels') return { group, key, kind: 'text' }
  const kinds = new Set(
    types.flatMap((type) => {
      const fields = group === 'state' ? type.state : type.readings
      return Object.hasOwn(fields, key) ? [kindOf(fields[key] as Field)] : []
    }),
  )
  const [kind = 'any'] = kinds
  return { group, key, kind: kinds.size === 1 ? kind : 'any' }
}

function kindOf({ kind }: Field): ValueKind {
  switch (kind) {
    case 'float':
    case 'integer':
      return 'number'
    case 'boolean':
      return 'flag'
    case 'datetime':
      return 'time'
    default:
      return 'text'
  }
}

/** The shortest key that is understood as this one. */
export function writtenKey(group: KeyPath['group'], key: string, types: readonly AnyDeviceType[]): string {
  if (group === null) return SHORT_OF.get(key) ?? key
  const bare = keyPath(key, types)
  const [prefix] = PREFIXES.find(([, of]) => of === group) as (typeof PREFIXES)[number]
  return bare.group === group && bare.key === key ? key : `${prefix}${key}`
}
