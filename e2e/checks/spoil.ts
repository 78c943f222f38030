import fc from 'fast-check'
import { type Hostile, hostile } from './hostile-values.js'

/** What is done to the arguments of a call. */
export type Spoiling =
  | { readonly how: 'random'; readonly args: readonly Hostile[] }
  | { readonly how: 'argument'; readonly index: number; readonly value: Hostile }
  | { readonly how: 'key'; readonly pick: number; readonly value: Hostile }
  | { readonly how: 'remove'; readonly pick: number }
  | { readonly how: 'getter'; readonly pick: number }
  | { readonly how: 'unknown'; readonly pick: number; readonly key: string; readonly value: Hostile }

const pick = fc.nat(1_000)

export const spoiling: fc.Arbitrary<Spoiling> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({ how: fc.constant('random' as const), args: fc.array(hostile, { maxLength: 5 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ how: fc.constant('argument' as const), index: fc.nat(3), value: hostile }),
  },
  { weight: 8, arbitrary: fc.record({ how: fc.constant('key' as const), pick, value: hostile }) },
  { weight: 1, arbitrary: fc.record({ how: fc.constant('remove' as const), pick }) },
  { weight: 1, arbitrary: fc.record({ how: fc.constant('getter' as const), pick }) },
  {
    weight: 2,
    arbitrary: fc.record({
      how: fc.constant('unknown' as const),
      pick,
      key: fc.constantFrom(
        'unknown',
        '__proto__',
        'constructor',
        'toString',
        'limt',
        '\u001b',
        'x'.repeat(5_000),
      ),
      value: hostile,
    }),
  },
)

export function spoil(args: readonly unknown[], spoiling: Spoiling): unknown[] {
  switch (spoiling.how) {
    case 'random':
      return spoiling.args.map(({ make }) => make())
    case 'argument':
      return replaced(args, spoiling.index % Math.max(1, args.length), spoiling.value.make())
    case 'key':
      return atPlace(args, spoiling.pick, false, (copy, key) =>
        define(copy, key, { value: spoiling.value.make() }),
      )
    case 'remove':
      return atPlace(args, spoiling.pick, false, (copy, key) => void delete copy[key])
    case 'getter':
      return atPlace(args, spoiling.pick, false, (copy, key) =>
        define(copy, key, {
          get() {
            throw new TypeError('a getter throws')
          },
        }),
      )
    case 'unknown':
      return atPlace(args, spoiling.pick, true, (copy) =>
        define(copy, spoiling.key, { value: spoiling.value.make() }),
      )
  }
}

const replaced = (args: readonly unknown[], index: number, value: unknown): unknown[] => {
  const copy = [...args]
  copy[index] = value
  return copy
}

const define = (target: object, key: string, descriptor: PropertyDescriptor) =>
  void Object.defineProperty(target, key, { ...descriptor, enumerable: true, configurable: true })

type Copy = Record<string, unknown>

/** Applies a change to a copy of one object of options among the arguments, or inside one; what is called is not touched. */
function atPlace(
  args: readonly unknown[],
  pick: number,
  anyObject: boolean,
  change: (copy: Copy, key: string) => void,
): unknown[] {
  const places = placesIn(args).filter(
    ({ path, key }) => path.length > 0 && (anyObject ? key === null : key !== null),
  )
  const place = places[pick % Math.max(1, places.length)]
  if (place === undefined) return [...args]
  return changed([...args], place.path, (object) => {
    const copy = Array.isArray(object) ? ([...object] as unknown as Copy) : { ...(object as Copy) }
    change(copy, place.key ?? '')
    return copy
  }) as unknown[]
}

interface Place {
  readonly path: readonly string[]
  /** Null: the object itself. */
  readonly key: string | null
}

/** Objects of options and lists among the values, up to three levels down, and their keys. */
function placesIn(value: unknown, path: readonly string[] = []): Place[] {
  if (path.length > 4 || !isOptions(value)) return []
  const keys = Object.keys(value)
  return [
    { path, key: null },
    ...keys.map((key) => ({ path, key })),
    ...keys.flatMap((key) => placesIn((value as Copy)[key], [...path, key])),
  ]
}

/** No device types, hubs and other objects that do something. */
function isOptions(value: unknown): value is object {
  if (Array.isArray(value)) return true
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return false
  return !Object.isFrozen(value) && !Object.values(value).some((member) => typeof member === 'function')
}

function changed(value: unknown, path: readonly string[], change: (object: unknown) => unknown): unknown {
  const [key, ...rest] = path
  if (key === undefined) return change(value)
  const copy = (Array.isArray(value) ? [...value] : { ...(value as Copy) }) as Copy
  copy[key] = changed(copy[key], rest, change)
  return copy
}
