import { accept, callback, integer, list, optional, options, satisfies, text } from '../model/check/index.js'
import { declaredType } from '../model/device-type/type-rule.js'
import type {
  CommitBatch,
  CompleteStorage,
  MigrateOptions,
  Storage,
  StorageAdapter,
  StorageCapabilities,
  StorageContext,
  TelemetryStorage,
} from '../ports/storage.js'
import {
  type Call,
  CONTROL,
  type ControlStores,
  MIGRATE,
  RETENTION,
  TELEMETRY,
  type TelemetryStores,
} from './storage-calls.js'
import { controlMissing } from './storage-errors.js'

const CONTEXT = options<StorageContext>({ types: list(declaredType) })
const NAME = text({ max: 64 })
const OPEN = callback<Open>()

/** Writes of the implementer; no I/O happens here. */
type Open = (context: StorageContext) => TelemetryStorage | CompleteStorage

/**
 * Makes a storage for hubs out of what an implementer writes: the stores and functions of `TelemetryStorage`, or those of
 * `CompleteStorage`. What it opens looks at what its functions are given before they do anything, whoever calls them:
 * `invalid_query` or `invalid_options` instead of what a driver makes of a bad value, the same for every database. Where
 * the control group is missing, its functions reject with `not_supported`.
 *
 * `commit` is handed on unchecked: it is the hub's, every message passes it, and its rows were made from checked values.
 * `invalid_options` when a function is missing, or the control group is there in part.
 *
 * @example
 * import type { AnyDeviceType } from '@devicehub/core'
 * import { defineStorage, type TelemetryStorage } from '@devicehub/core/storage'
 *
 * declare function openLists(types: readonly AnyDeviceType[]): TelemetryStorage
 *
 * export const listStorage = () => defineStorage('list', ({ types }) => openLists(types))
 */
export function defineStorage(name: string, open: Open): StorageAdapter {
  accept('defineStorage', 'name', NAME, name)
  accept('defineStorage', 'open', OPEN, open)
  return {
    name,
    open: (context) => complete(name, open(accept('storage.open', 'context', CONTEXT, context))),
  }
}

const DEFAULTS: Omit<StorageCapabilities, 'control'> = { preferredBatch: 500 }

const CAPABILITIES = options<Partial<typeof DEFAULTS>>({
  preferredBatch: optional(integer({ min: 1, max: 1_000_000 })),
})

function complete(name: string, given: TelemetryStorage | CompleteStorage): Storage {
  const opened = accept('storage.open', 'storage', OPENED, given)
  const capabilities = accept('storage.open', 'capabilities', CAPABILITIES, opened.capabilities ?? {})
  const control = isComplete(opened)
  return {
    name,
    capabilities: { ...DEFAULTS, ...capabilities, control },
    ...stores<TelemetryStores>(TELEMETRY, opened),
    ...(control ? stores<ControlStores>(CONTROL, opened) : withoutControl(name)),
    plan: () => opened.plan(),
    migrate: checked('storage.migrate', MIGRATE, (how) => opened.migrate(how as MigrateOptions)),
    commit: control
      ? (batch) => opened.commit(batch)
      : async (batch) => {
          if (needsControl(batch)) throw controlMissing(name, 'commands, reported state and leases')
          return { ...(await opened.commit(batch)), commands: null, reports: null }
        },
    applyRetention: checked('storage.applyRetention', RETENTION, (now) =>
      opened.applyRetention(now as number),
    ),
    close: () => opened.close(),
  }
}

const isComplete = (opened: TelemetryStorage | CompleteStorage): opened is CompleteStorage =>
  'commands' in opened && opened.commands !== undefined

/** The hub makes no such batch for a storage without the group. */
const needsControl = ({ entries, fences = [] }: CommitBatch): boolean =>
  fences.length > 0 || entries.some(({ command, report, desired }) => command ?? report ?? desired)

type Method = (...given: unknown[]) => unknown
type Calls = Readonly<Record<string, Readonly<Record<string, Call>>>>

const isFunction = (value: unknown): boolean => typeof value === 'function'

const hasStores = (calls: Calls, storage: Record<string, unknown>): boolean =>
  Object.entries(calls).every(([store, methods]) => {
    const given = storage[store] as Record<string, unknown> | undefined
    return Object.keys(methods).every((method) => isFunction(given?.[method]))
  })

const OPENED = satisfies<TelemetryStorage | CompleteStorage>(
  'a storage with all functions of TelemetryStorage, and with all or none of the stores of ControlStorage',
  (value) => {
    const storage = value as Record<string, unknown>
    const hasControl = Object.keys(CONTROL).some((store) => storage[store] !== undefined)
    return (
      ['plan', 'migrate', 'commit', 'applyRetention', 'close'].every((name) => isFunction(storage[name])) &&
      hasStores(TELEMETRY, storage) &&
      (!hasControl || hasStores(CONTROL, storage))
    )
  },
)

/** The stores of a group, their functions checked. */
function stores<Stores>(calls: Calls, opened: object): Stores {
  const given = opened as Readonly<Record<string, Readonly<Record<string, Method>>>>
  return mapMethods(calls, (store, name, call) =>
    checked(`storage.${store}.${name}`, call, (...values) => given[store]?.[name]?.(...values)),
  ) as Stores
}

const withoutControl = (storage: string): ControlStores =>
  mapMethods(CONTROL, (store) => async () => {
    throw controlMissing(storage, store)
  }) as unknown as ControlStores

const mapMethods = (calls: Calls, make: (store: string, name: string, call: Call) => Method) =>
  Object.fromEntries(
    Object.entries(calls).map(([store, methods]) => [
      store,
      Object.fromEntries(Object.entries(methods).map(([name, call]) => [name, make(store, name, call)])),
    ]),
  )

const checked =
  (name: string, { code, given }: Call, method: Method) =>
  async (...values: unknown[]): Promise<never> =>
    method(
      ...given.map((argument, index) => {
        const value = values[index]
        return value === undefined && argument.rule.optional
          ? undefined
          : accept(name, argument.name, argument.rule, value, code)
      }),
    ) as never
