import { showValue } from './check/show-value.js'
import type { AnyDeviceType } from './device-type/device-type.js'
import { typeKey } from './device-type/names.js'
import { DeviceHubError } from './errors.js'
import { createTopicRouter } from './topic/router.js'
import { acceptTypes } from './topic/topic-rules.js'

/** The device types of a hub. Names are looked up without regard to case and `_`. */
export interface Registry extends Iterable<AnyDeviceType> {
  /** Without the abstract ones, in the order of their declaration. */
  all(): readonly AnyDeviceType[]
  /** `unknown_type`, with a list of the known ones. */
  get(name: string): AnyDeviceType
  /** Undefined when there is none. */
  find(name: string): AnyDeviceType | undefined
  /** By name, or this very type. */
  has(type: string | AnyDeviceType): boolean
  /** The type of a table `<type>_device`, `<type>_reading` or `<type>_message`. */
  findByTable(table: string): AnyDeviceType | undefined
  /** How many types, without the abstract ones. */
  readonly size: number
}

const TABLE_SUFFIXES = ['_device', '_reading', '_message']

/**
 * The same type twice is fine; another of the same name is `duplicate_type`, two types that share a topic
 * `invalid_definition`. Abstract types are left out: they have neither tables nor topics.
 *
 * @example
 * import { createDeviceHub, createRegistry } from '@devicehub/core'
 * import { WeatherStation } from './hub.js'
 *
 * const registry = createRegistry([WeatherStation])
 * const hub = createDeviceHub({ types: registry })
 */
export function createRegistry(types: Iterable<AnyDeviceType> = []): Registry {
  const byKey = new Map<string, AnyDeviceType>()
  const abstract = new Map<string, AnyDeviceType>()
  for (const type of acceptTypes('createRegistry', types, 'invalid_definition')) {
    const other = byKey.get(type.key) ?? abstract.get(type.key)
    if (other !== undefined && other !== type) {
      const both =
        other.name === type.name ? `two types named ${type.name}` : `${other.name} and ${type.name}`
      const message = `There are ${both}: case and _ do not count in a name, and both would own the table ${type.key}_reading; rename one`
      throw new DeviceHubError('duplicate_type', message, { details: { names: [other.name, type.name] } })
    }
    const map = type.abstract ? abstract : byKey
    map.set(type.key, type)
  }
  const all = Object.freeze([...byKey.values()])
  // Compared with the default prefix: a hub of another one checks again when it makes its own router.
  createTopicRouter(all)

  const find = (name: string) => (typeof name === 'string' ? byKey.get(typeKey(name)) : undefined)

  function get(name: string): AnyDeviceType {
    const type = find(name)
    if (type !== undefined) return type
    const hint =
      typeof name === 'string' && abstract.has(typeKey(name))
        ? 'it is abstract; use a type that extends it'
        : `known are ${all.map((known) => known.name).join(', ') || 'none'}`
    throw new DeviceHubError('unknown_type', `There is no device type ${showValue(name)}; ${hint}`, {
      details: { name: showValue(name), known: all.map((known) => known.name) },
    })
  }

  return {
    all: () => all,
    get,
    find,
    has: (type) => (typeof type === 'string' ? find(type) !== undefined : all.includes(type)),
    findByTable(table) {
      if (typeof table !== 'string') return undefined
      const suffix = TABLE_SUFFIXES.find((end) => table.endsWith(end))
      return suffix === undefined ? undefined : byKey.get(table.slice(0, -suffix.length))
    },
    size: all.length,
    [Symbol.iterator]: () => all[Symbol.iterator](),
  }
}
