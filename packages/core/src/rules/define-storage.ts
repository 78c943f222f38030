import {
  accept,
  callback,
  flag,
  integer,
  list,
  optional,
  options,
  satisfies,
  text,
} from '../model/check/index.js'
import { declaredType } from '../model/device-type/type-rule.js'
import { DeviceHubError, isDeviceHubError } from '../model/errors.js'
import type {
  CommitBatch,
  CompleteStorage,
  MigrateOptions,
  RetentionRequest,
  Storage,
  StorageAdapter,
  StorageCapabilities,
  StorageContext,
  TelemetryResult,
  TelemetryStorage,
} from '../ports/storage.js'
import { answered, cannotOpen, type Method } from './answered.js'
import { completeReadings } from './complete-readings.js'
import {
  type Call,
  CLOSE,
  CONTROL,
  type ControlStores,
  MIGRATE,
  PLAN,
  RETENTION,
  TELEMETRY,
  type TelemetryStores,
} from './storage-calls.js'
import { controlMissing } from './storage-errors.js'
import { commitResult, telemetryResult } from './storage-results.js'

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
 * What its functions return is looked at, too: `storage_failed` names function, place and what is due. An error of theirs
 * that is no `DeviceHubError` becomes `storage_unavailable`, with the error as `cause`: nobody said that trying again does
 * not help, so the hub waits. One that `open` throws is `storage_failed`.
 *
 * `commit` is handed on unchecked: it is the hub's, every message passes it, and its rows were made from checked values.
 * `invalid_options` when a function is missing, the control group is there in part, or `capabilities.control` says
 * otherwise.
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
    open: (context) =>
      complete(name, openWith(name, open, accept('storage.open', 'context', CONTEXT, context))),
  }
}

function openWith(name: string, open: Open, context: StorageContext): TelemetryStorage | CompleteStorage {
  try {
    return open(context)
  } catch (cause) {
    throw isDeviceHubError(cause) ? cause : cannotOpen(name, cause)
  }
}

const DEFAULTS: Omit<StorageCapabilities, 'control'> = { preferredBatch: 500 }

const CAPABILITIES = options<Partial<StorageCapabilities>>({
  control: optional(flag),
  preferredBatch: optional(integer({ min: 1, max: 1_000_000 })),
})

function complete(name: string, given: TelemetryStorage | CompleteStorage): Storage {
  const opened = accept('storage.open', 'storage', OPENED, given)
  const capabilities = accept('storage.open', 'capabilities', CAPABILITIES, opened.capabilities ?? {})
  const control = isComplete(opened)
  if (capabilities.control !== undefined && capabilities.control !== control)
    throw otherControl(name, control)
  return {
    name,
    capabilities: { ...DEFAULTS, ...capabilities, control },
    ...stores<TelemetryStores>(name, TELEMETRY, {
      ...opened,
      readings: completeReadings(opened.readings, opened.devices),
    }),
    ...(control ? stores<ControlStores>(name, CONTROL, opened) : withoutControl(name)),
    plan: checked(name, 'plan', PLAN, () => opened.plan()),
    migrate: checked(name, 'migrate', MIGRATE, (how) => opened.migrate(how as MigrateOptions)),
    commit: commitOf(name, opened),
    applyRetention: checked(name, 'applyRetention', RETENTION, (now, request) =>
      opened.applyRetention(now as number, request as RetentionRequest | undefined),
    ),
    close: checked(name, 'close', CLOSE, () => opened.close()),
  }
}

/** Every message passes it: what it is given is not looked at, and of what it returns only its lists. */
function commitOf(name: string, opened: TelemetryStorage | CompleteStorage): Storage['commit'] {
  const returns = isComplete(opened) ? commitResult : telemetryResult
  const commit = answered(name, 'commit', returns, (batch) => opened.commit(batch as CommitBatch))
  if (isComplete(opened)) return commit as Storage['commit']
  return async (batch) => {
    if (needsControl(batch)) throw controlMissing(name, 'commands, reported state and leases')
    return { ...((await commit(batch)) as TelemetryResult), commands: null, reports: null }
  }
}

const isComplete = (opened: TelemetryStorage | CompleteStorage): opened is CompleteStorage =>
  'commands' in opened && opened.commands !== undefined

/** The hub makes no such batch for a storage without the group. */
const needsControl = ({ entries, fences = [] }: CommitBatch): boolean =>
  fences.length > 0 || entries.some(({ command, report, desired }) => command ?? report ?? desired)

type Calls = Readonly<Record<string, Readonly<Record<string, Call>>>>

const isFunction = (value: unknown): boolean => typeof value === 'function'

/** Made of the others where they are missing, see `completeReadings`. */
const MADE: ReadonlySet<string> = new Set(['readings.get', 'readings.scan', 'readings.series'])

const hasStores = (calls: Calls, storage: Record<string, unknown>): boolean =>
  Object.entries(calls).every(([store, methods]) => {
    const given = storage[store] as Record<string, unknown> | undefined
    return Object.keys(methods).every(
      (method) =>
        isFunction(given?.[method]) ||
        (MADE.has(`${store}.${method}`) && given !== undefined && given[method] === undefined),
    )
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
function stores<Stores>(storage: string, calls: Calls, opened: object): Stores {
  const given = opened as Readonly<Record<string, Readonly<Record<string, Method>>>>
  return mapMethods(calls, (store, name, call) =>
    checked(storage, `${store}.${name}`, call, (...values) => given[store]?.[name]?.(...values)),
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

/** What it is given is looked at before the implementer's function is called, and what that returns afterwards. */
function checked(storage: string, call: string, { code, given, returns }: Call, method: Method) {
  const run = answered(storage, call, returns, method)
  return async (...values: unknown[]): Promise<never> =>
    run(
      ...given.map((argument, index) => {
        const value = values[index]
        return value === undefined && argument.rule.optional
          ? undefined
          : accept(`storage.${call}`, argument.name, argument.rule, value, code)
      }),
    ) as never
}

const otherControl = (storage: string, control: boolean) =>
  new DeviceHubError(
    'invalid_options',
    `storage.open: capabilities.control of "${storage}" must be ${control}, as its stores are: ${
      control
        ? 'those of the control group (commands, twins, leases and the others) are there'
        : 'those of the control group (commands, twins, leases and the others) are missing'
    }. It may be left out`,
    { details: { function: 'storage.open', key: 'capabilities.control', expected: String(control) } },
  )
