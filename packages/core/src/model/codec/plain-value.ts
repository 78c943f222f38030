import { isRecord } from './is-record.js'
import { isThenable, neverUnhandled } from './thenable.js'

/** Deeper than any value that can be stored; a value that contains itself has no bottom. */
const DEPTH_MAX = 128
/** More than the bytes of a payload can hold one by one; references to the same part multiply. */
const VALUES_MAX = 2_000_000

/**
 * A copy of what a codec returned: texts, numbers, booleans, null, BigInt, `Date`, bytes, lists and plain objects, as
 * JSON, CBOR and the like have them. Throws a `TypeError` that names the member for anything else.
 */
export function plainValue(value: unknown): unknown {
  let left = VALUES_MAX

  function copy(given: unknown, name: string, depth: number): unknown {
    if (left-- <= 0) throw new TypeError(`decode() returned more than ${VALUES_MAX} values`)
    switch (typeof given) {
      case 'object':
        break
      case 'function':
        return refuse(given, name)
      case 'symbol':
        throw new TypeError(`decode() returned a symbol${at(name)}`)
      default:
        return given
    }
    if (given === null || given instanceof Uint8Array) return given
    if (depth >= DEPTH_MAX)
      throw new TypeError(
        `decode() returned a value of more than ${DEPTH_MAX} levels, or one that contains itself`,
      )
    if (Array.isArray(given)) {
      const list: unknown[] = []
      for (let i = 0; i < given.length; i++) list.push(copy(given[i], name, depth + 1))
      return list
    }
    if (given instanceof Date) return new Date(Date.prototype.getTime.call(given))
    if (!isRecord(given) || isThenable(given)) return refuse(given, name)
    const object: Record<string, unknown> = {}
    for (const key of Object.keys(given)) {
      const member = copy(given[key], key, depth + 1)
      // Assigning it would replace the prototype.
      if (key === '__proto__')
        Object.defineProperty(object, key, {
          value: member,
          enumerable: true,
          configurable: true,
          writable: true,
        })
      else object[key] = member
    }
    return object
  }

  return copy(value, '', 0)
}

function refuse(given: object, name: string): never {
  if (isThenable(given)) {
    neverUnhandled(given)
    throw new TypeError(`decode() returned a promise${at(name)}; it has to return the values themselves`)
  }
  throw new TypeError(
    `decode() returned ${nameOf(given)}${at(name)}; it has to return plain objects and lists`,
  )
}

const at = (name: string): string => (name === '' ? '' : ` as "${name}"`)

function nameOf(given: object): string {
  if (typeof given === 'function') return 'a function'
  const { name } = (given as { readonly constructor?: { readonly name?: unknown } }).constructor ?? {}
  return typeof name === 'string' && name !== '' ? `an instance of ${name}` : 'an object of a class'
}
