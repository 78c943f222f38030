/** An object whose functions are public, by name. */
export interface FoundFunction {
  readonly name: string
  readonly run: (...given: unknown[]) => unknown
}

/** The same on every Node: older ones have no such symbol of their own. */
const SYMBOLS = new Map<symbol, string>([
  [Symbol.asyncDispose, 'Symbol.asyncDispose'],
  [Symbol.dispose, 'Symbol.dispose'],
])

const nameOf = (key: string | symbol): string =>
  typeof key === 'symbol' ? `[${SYMBOLS.get(key) ?? key.description}]` : key

const isNamespace = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What a handle or a module has of its own, and of its class; functions of objects inside it under `group.name`. */
export function functionsOf(target: object, depth = 1): FoundFunction[] {
  return membersOf(target).flatMap(([key, value]): FoundFunction[] => {
    const name = nameOf(key)
    if (typeof value === 'function')
      return [{ name, run: (...given) => Reflect.apply(value, target, given) }, ...nested(name, value, depth)]
    return isNamespace(value) ? nested(name, value, depth) : []
  })
}

const nested = (name: string, value: object, depth: number): FoundFunction[] =>
  depth === 0
    ? []
    : functionsOf(value, depth - 1).map((inner) => ({ ...inner, name: `${name}.${inner.name}` }))

function membersOf(target: object): [string | symbol, unknown][] {
  const own = Reflect.ownKeys(target).filter((key) => typeof target !== 'function' || !BUILT_IN.has(key))
  const prototype = Object.getPrototypeOf(target) as object | null
  const inherited =
    typeof target === 'function' || prototype === null || PLAIN.has(prototype)
      ? []
      : Reflect.ownKeys(prototype).filter((key) => key !== 'constructor' && typeof key === 'string')
  return [...new Set([...own, ...inherited])].flatMap((key): [string | symbol, unknown][] => {
    try {
      return [[key, (target as Record<string | symbol, unknown>)[key]]]
    } catch {
      return []
    }
  })
}

const BUILT_IN: ReadonlySet<string | symbol> = new Set(['length', 'name', 'prototype', 'arguments', 'caller'])
const PLAIN: ReadonlySet<object> = new Set<object>([
  Object.prototype,
  Array.prototype,
  Error.prototype,
  Date.prototype,
  Uint8Array.prototype,
  Map.prototype,
  Set.prototype,
  Promise.prototype,
  Object.getPrototypeOf([][Symbol.iterator]()) as object,
])
