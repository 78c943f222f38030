import { flag, list, type OptionalRule, optional, options, orNull, type Rule } from '../model/check/index.js'
import { deviceType } from '../model/device-type/type-rule.js'
import type { ErrorCode } from '../model/errors.js'
import type { ControlStorage, MigrateOptions, TelemetryStorage } from '../ports/storage.js'
import * as rules from './port-rules.js'

interface Argument {
  readonly name: string
  readonly rule: Rule<unknown> & Partial<OptionalRule<unknown>>
}

/** What a method takes, and the code of what it refuses. */
export interface Call {
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

export type TelemetryStores = Pick<TelemetryStorage, 'devices' | 'readings' | 'messages' | 'log'>
export type ControlStores = Omit<ControlStorage, 'commit'>

type CallsOf<Stores> = { readonly [Name in keyof Stores]: Calls<Stores[Name]> }

/** By store and method; one that is missing does not compile. */
export const TELEMETRY: CallsOf<TelemetryStores> = {
  devices: {
    create: writes({ type: deviceType, device: rules.device }),
    ensure: writes({ type: deviceType, devices: list(rules.device) }),
    find: asks({ type: deviceType, deviceIds: rules.deviceIds }),
    list: asks({ type: deviceType, filter: rules.deviceFilter, page: rules.page }),
    overdue: asks({ type: deviceType, query: rules.overdueQuery }),
    setBack: writes({ type: deviceType, request: rules.setBackRequest }),
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
}

export const CONTROL: CallsOf<ControlStores> = {
  leases: {
    find: asks({ names: list(rules.name) }),
    acquire: writes({ name: rules.name, holder: rules.holder, ttl: rules.duration }),
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

export const MIGRATE = writes({
  options: optional(options<MigrateOptions>({ allowDestructive: optional(flag) })),
})
export const RETENTION = writes({ now: rules.time })
