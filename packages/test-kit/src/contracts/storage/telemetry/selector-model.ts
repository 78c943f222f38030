/**
 * Devices in plain objects and random selectors, with what a selector means written out once more: what a storage gives
 * is compared with it.
 */
export interface PlainDevice {
  readonly deviceId: string
  readonly name: string
  readonly status: string
  readonly isActive: boolean
  readonly batteryLevel: number | null
  readonly firmwareVersion: string | null
  readonly lastSeen: number | null
  readonly createdAt: number
  readonly updatedAt: number
  readonly labels: Readonly<Record<string, string>>
  readonly state: Readonly<Record<string, PlainValue>>
  readonly readings: Readonly<Record<string, PlainValue>>
}

export type PlainValue = string | number | boolean | null
type PlainSelector = Readonly<Record<string, unknown>>

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

export const pick = <T>(random: () => number, values: readonly T[]): T =>
  values[Math.floor(random() * values.length)] as T

/** Values of the devices and of what is asked for. */
export const VALUES: Readonly<Record<string, readonly Exclude<PlainValue, null>[]>> = {
  status: ['online', 'offline', 'error'],
  batteryLevel: [0, 20, 20.5, 99],
  firmwareVersion: ['1.0', '2.0', '2.0-RC', '2.0-rc'],
  lastSeen: [1_700_000_000_000, 1_700_000_000_001, 1_750_000_000_000],
  label: ['north', 'South', 'south', 'ñ', "o'k", '100%'],
  float: [-1.5, 0, 0.1, 22, 1e15],
  integer: [-3, 0, 7, 9_007_199_254_740_991],
  flag: [true, false],
  text: ['a', 'A', 'á', '%', 'a b', '漢'],
  choice: ['auto', 'manual', 'Ünknown'],
}

/** The fields of the contract's type that can be compared, by the values they take. */
export const STATE_FIELDS = {
  offset: 'float',
  interval: 'integer',
  enabled: 'flag',
  note: 'text',
  profile: 'choice',
  serviced_at: 'lastSeen',
} as const
export const READING_FIELDS = {
  temperature: 'float',
  pulses: 'integer',
  open: 'flag',
  label: 'text',
  mode: 'choice',
  calibrated_at: 'lastSeen',
} as const

const ORDERED = new Set(['batteryLevel', 'lastSeen', 'float', 'integer'])

/** What is asked of a value; times as `Date`. */
function randomMatching(random: () => number, kind: string): unknown {
  const shown = (value: PlainValue) => (kind === 'lastSeen' ? new Date(value as number) : value)
  const one = () => shown(pick(random, VALUES[kind] as readonly PlainValue[]))
  const some = () => [one(), one()]
  switch (pick(random, ORDERED.has(kind) ? [0, 1, 2, 3, 4, 5, 6, 7] : [0, 1, 2, 3, 4])) {
    case 0:
      return one()
    case 1:
      return some()
    case 2:
      return null
    case 3:
      return { ne: random() < 0.5 ? null : one() }
    case 4:
      return { notIn: some() }
    case 5:
      return { lt: one() }
    case 6:
      return { gte: one() }
    default:
      return { gt: one(), lte: one() }
  }
}

export function randomSelector(random: () => number, depth = 0): PlainSelector {
  const named = (fields: Readonly<Record<string, string>>) => {
    const name = pick(random, Object.keys(fields))
    return { [name]: randomMatching(random, fields[name] as string) }
  }
  const inner = () => randomSelector(random, depth + 1)
  const several = () => Array.from({ length: Math.floor(random() * 3) }, inner)
  const parts: (() => PlainSelector)[] = [
    () => ({ status: randomMatching(random, 'status') }),
    () => ({ isActive: random() < 0.5 }),
    () => ({ batteryLevel: randomMatching(random, 'batteryLevel') }),
    () => ({ firmwareVersion: randomMatching(random, 'firmwareVersion') }),
    () => ({ lastSeen: randomMatching(random, 'lastSeen') }),
    () => ({ labels: { [pick(random, ['site', 'customer'])]: randomMatching(random, 'label') } }),
    () => ({ state: named(STATE_FIELDS) }),
    () => ({ readings: named(READING_FIELDS) }),
    () => ({ search: pick(random, ['d1', 'NAME 2', '%', 'none']) }),
  ]
  if (depth < 3)
    parts.push(
      () => ({ not: inner() }),
      () => ({ or: several() }),
      () => ({ and: several() }),
    )
  return Object.assign(
    {},
    ...Array.from({ length: 1 + Math.floor(random() * 2) }, () => pick(random, parts)()),
  )
}

/** Whether a device is one of those that a selector says. */
export function isSelected(device: PlainDevice, selector: PlainSelector): boolean {
  return Object.entries(selector).every(([key, wanted]) => {
    switch (key) {
      case 'and':
        return (wanted as PlainSelector[]).every((each) => isSelected(device, each))
      case 'or':
        return (wanted as PlainSelector[]).some((each) => isSelected(device, each))
      case 'not':
        return !isSelected(device, wanted as PlainSelector)
      case 'search': {
        const text = (wanted as string).toLowerCase()
        return [device.deviceId, device.name].some((each) => each.toLowerCase().includes(text))
      }
      case 'labels':
      case 'state':
      case 'readings':
        return Object.entries(wanted as PlainSelector).every(([name, of]) =>
          matches((device[key] as Record<string, PlainValue>)[name] ?? null, of),
        )
      default:
        return matches(device[key as keyof PlainDevice] as PlainValue, wanted)
    }
  })
}

function matches(value: PlainValue, wanted: unknown): boolean {
  const plain = (given: unknown) => (given instanceof Date ? given.getTime() : given)
  if (wanted === null) return value === null
  if (Array.isArray(wanted)) return wanted.map(plain).includes(value)
  if (typeof wanted !== 'object' || wanted instanceof Date) return value === plain(wanted)
  return Object.entries(wanted as PlainSelector).every(([relation, given]) => {
    const bound = plain(given)
    if (relation === 'ne') return bound === null ? value !== null : value !== bound
    if (relation === 'notIn') return !(given as unknown[]).map(plain).includes(value)
    if (value === null) return false
    const [left, right] = [Number(value), Number(bound)]
    if (relation === 'lt') return left < right
    if (relation === 'lte') return left <= right
    return relation === 'gt' ? left > right : left >= right
  })
}
