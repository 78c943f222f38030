import {
  accept,
  flag,
  list,
  type OptionalRule,
  optional,
  options,
  orNull,
  type Rule,
  satisfies,
} from '../model/check/index.js'
import { declaredType, deviceType } from '../model/device-type/type-rule.js'
import type { ErrorCode } from '../model/errors.js'
import type { MigrateOptions, Storage, StorageContext } from '../ports/storage.js'
import * as rules from './port-rules.js'

interface Argument {
  readonly name: string
  readonly rule: Rule<unknown> & Partial<OptionalRule<unknown>>
}

/** What a method takes, and the code of what it refuses. */
interface Call {
  readonly code: ErrorCode
  readonly given: readonly Argument[]
}

type Calls<Store> = { readonly [Name in keyof Store]: Call }

const call =
  (code: ErrorCode) =>
  (given: Readonly<Record<string, Argument['rule']>> = {}): Call => ({
    code,
    given: Object.entries(given).map(([name, rule]) => ({ name, rule })),
  })
const asks = call('invalid_query')
const writes = call('invalid_options')

/** By group and method; a method that is missing does not compile. `commit` is not among them, see `checkedStorage`. */
const PORT: {
  readonly [Group in Exclude<keyof Storage, Unchecked>]: Calls<Storage[Group]>
} = {
  devices: {
    create: writes({ type: deviceType, device: rules.device }),
    ensure: writes({ type: deviceType, devices: list(rules.device) }),
    find: asks({ type: deviceType, deviceIds: rules.deviceIds }),
    list: asks({ type: deviceType, filter: rules.deviceFilter, page: rules.page }),
    overdue: asks({ type: deviceType, query: rules.overdueQuery }),
    update: writes({
      type: deviceType,
      deviceId: rules.deviceId,
      patch: rules.devicePatch,
      now: rules.time,
    }),
    delete: writes({ type: deviceType, deviceId: rules.deviceId, now: rules.time }),
  },
  readings: {
    list: asks({ type: deviceType, filter: rules.readingFilter, page: rules.page }),
    latest: asks({ type: deviceType, deviceIds: rules.deviceIds }),
    latestSamples: asks({ type: deviceType, deviceIds: rules.deviceIds }),
    aggregate: asks({ type: deviceType, query: rules.aggregateQuery }),
  },
  messages: {
    list: asks({ type: orNull(deviceType), filter: rules.messageFilter, page: rules.page }),
    get: asks({ ref: rules.messageRef }),
  },
  log: {
    read: asks({
      types: rules.types,
      cursor: orNull(rules.cursor),
      limit: rules.count,
      maxBytes: optional(rules.bytes),
    }),
    end: asks({ types: rules.types }),
    seek: asks({ types: rules.types, time: rules.time }),
    count: asks({ types: rules.types, cursor: orNull(rules.cursor), max: rules.count }),
  },
  leases: {
    find: asks({ names: list(rules.name) }),
    claim: writes({ name: rules.name, holder: rules.holder, ttl: rules.duration }),
    renew: writes({ lease: rules.lease, ttl: rules.duration, note: rules.note }),
    release: writes({ lease: rules.lease }),
  },
  consumers: {
    list: asks(),
    get: asks({ name: rules.name }),
    open: writes({ start: rules.consumerStart }),
    advance: writes({ step: rules.consumerStep }),
    seek: writes({ name: rules.name, cursor: orNull(rules.cursor), now: rules.time }),
    delete: writes({ name: rules.name }),
    failures: asks({ name: rules.name, page: rules.page }),
    requestRetry: writes({ name: rules.name, ref: orNull(rules.messageRef) }),
    dueRetries: asks({ name: rules.name, limit: rules.count }),
    settleRetry: writes({
      writer: rules.consumerWriter,
      ref: rules.messageRef,
      failure: orNull(rules.newFailure),
    }),
    skip: writes({ name: rules.name, ref: rules.messageRef }),
  },
  commands: {
    create: writes({ commands: list(rules.newCommand), claim: orNull(rules.claimRequest) }),
    find: asks({ ids: rules.ids }),
    list: asks({ filter: rules.commandFilter, page: rules.page }),
    claimDue: writes({ request: rules.dueCommands }),
    release: writes({ claim: rules.holder, ids: rules.ids, delay: rules.duration }),
    wake: writes({ type: deviceType, deviceIds: rules.deviceIds }),
  },
  twins: {
    get: asks({ type: deviceType, deviceId: rules.deviceId }),
    setDesired: writes({ change: rules.desiredChange }),
    claimDue: writes({ request: rules.dueTwins }),
    release: writes({ claim: rules.holder, twins: list(rules.twinKey), delay: rules.duration }),
  },
  credentials: {
    find: asks({ kind: rules.credentialKind, lookups: list(rules.lookup) }),
    ofDevices: asks({ type: deviceType, deviceIds: rules.deviceIds }),
    write: writes({ writes: list(rules.credentialWrite) }),
    changes: asks({ position: orNull(rules.position), limit: rules.count }),
  },
  claims: {
    createKey: writes({ key: rules.claimKey }),
    findKey: asks({ lookup: rules.lookup }),
    listKeys: asks({ page: rules.page }),
    revokeKey: writes({ id: rules.anyId, now: rules.time }),
    claim: writes({ request: rules.claimOfDevice }),
  },
}

type Unchecked = 'name' | 'preferredBatch' | 'plan' | 'migrate' | 'commit' | 'applyRetention' | 'close'

const MIGRATE = writes({
  options: optional(options<MigrateOptions>({ allowDestructive: optional(flag) })),
})
const RETENTION = writes({ now: rules.time })

/** What a database is bound to. */
const CONTEXT = options<StorageContext>({ types: list(declaredType) })

/** For who writes a storage: what its `open` is given. */
export const acceptContext = (context: unknown): StorageContext =>
  accept('storage.open', 'context', CONTEXT, context)

const STORAGE = satisfies<Storage>('a storage, with all its groups of methods', (value) => {
  const storage = value as Record<string, unknown>
  return (
    ['plan', 'migrate', 'commit', 'applyRetention', 'close'].every((name) => isFunction(storage[name])) &&
    Object.entries(PORT).every(([group, calls]) => {
      const methods = storage[group] as Record<string, unknown>
      return Object.keys(calls).every((name) => isFunction(methods[name]))
    })
  )
})

const isFunction = (value: unknown): boolean => typeof value === 'function'

type Method = (...given: unknown[]) => unknown

/**
 * A storage that looks at what its methods are given before it does anything, whoever calls them: `invalid_query` or
 * `invalid_options` instead of what a driver makes of a bad value, the same in every database. For who writes a storage.
 *
 * `commit` is handed on as it is: it is the hub's, every message passes it, and its rows were made from checked values.
 */
export function checkedStorage(given: Storage): Storage {
  const storage = accept('checkedStorage', 'storage', STORAGE, given)
  const groups = Object.entries(PORT).map(([group, calls]) => [
    group,
    checkedMethods(group, storage[group as keyof typeof PORT], calls),
  ])
  return {
    ...storage,
    ...(Object.fromEntries(groups) as Pick<Storage, keyof typeof PORT>),
    migrate: checkedMethod('storage.migrate', MIGRATE, (how) => storage.migrate(how as MigrateOptions)),
    applyRetention: checkedMethod('storage.applyRetention', RETENTION, (now) =>
      storage.applyRetention(now as number),
    ),
  } as Storage
}

function checkedMethods(group: string, store: object, calls: Readonly<Record<string, Call>>): object {
  const methods = store as Readonly<Record<string, Method>>
  const checked = Object.entries(calls).map(([name, one]) => [
    name,
    checkedMethod(`storage.${group}.${name}`, one, (...given) => methods[name]?.(...given)),
  ])
  return { ...store, ...Object.fromEntries(checked) }
}

const checkedMethod =
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
