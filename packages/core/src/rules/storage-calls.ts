import {
  callback,
  list,
  type OptionalRule,
  optional,
  options,
  orNull,
  type Rule,
  flag as yesOrNo,
} from '../model/check/index.js'
import { deviceType } from '../model/device-type/type-rule.js'
import type { ErrorCode } from '../model/errors.js'
import type {
  CompleteReadingStore,
  ControlStorage,
  MigrateOptions,
  RetentionRequest,
  TelemetryStorage,
} from '../ports/storage.js'
import { condition } from './condition-rule.js'
import * as rules from './port-rules.js'
import { count, flag, listOf, nothing, orNull as nullOr, pageOf, type Shape, text } from './result-shapes.js'
import { scanQuery, seriesQuery } from './series-rules.js'
import * as results from './storage-results.js'

interface Argument {
  readonly name: string
  readonly rule: Rule<unknown> & Partial<OptionalRule<unknown>>
}

/** What a method takes and returns, and the code of what it refuses. */
export interface Call {
  readonly code: ErrorCode
  readonly given: readonly Argument[]
  readonly returns: Shape
}

type Calls<Store> = { readonly [Name in keyof Store]-?: Call }

const call =
  (code: ErrorCode) =>
  (given: Readonly<Record<string, Argument['rule']>>, returns: Shape): Call => ({
    code,
    returns,
    given: Object.entries(given).map(([name, rule]) => ({ name, rule })),
  })
const asks = call('invalid_query')
const writes = call('invalid_options')

export type TelemetryStores = Pick<TelemetryStorage, 'devices' | 'messages' | 'log'> & {
  readonly readings: CompleteReadingStore
}
export type ControlStores = Omit<ControlStorage, 'commit'>

type CallsOf<Stores> = { readonly [Name in keyof Stores]: Calls<Stores[Name]> }

/** By store and method; one that is missing does not compile. */
export const TELEMETRY: CallsOf<TelemetryStores> = {
  devices: {
    create: writes({ type: deviceType, device: rules.device }, nothing),
    ensure: writes({ type: deviceType, devices: list(rules.device) }, nothing),
    find: asks(
      { type: deviceType, deviceIds: rules.deviceIds, within: rules.within },
      listOf(results.device),
    ),
    list: asks({ type: deviceType, condition, request: rules.deviceList }, results.devicePage),
    count: asks({ type: deviceType, condition, max: rules.count }, count),
    overview: asks({ type: deviceType, condition, request: rules.overviewRequest }, results.overview),
    overdue: asks({ type: deviceType, query: rules.overdueQuery }, pageOf(results.device)),
    setBack: writes({ type: deviceType, request: rules.setBackRequest }, count),
    update: writes(
      {
        type: deviceType,
        deviceId: rules.deviceId,
        patch: rules.devicePatch,
        now: rules.time,
        within: rules.within,
      },
      nullOr(results.device),
    ),
    updateMany: writes(
      {
        type: deviceType,
        deviceIds: rules.deviceIds,
        patch: rules.sharedPatch,
        now: rules.time,
        within: rules.within,
      },
      listOf(text),
    ),
    delete: writes(
      { type: deviceType, deviceId: rules.deviceId, now: rules.time, within: rules.within },
      flag,
    ),
  },
  readings: {
    list: asks({ type: deviceType, filter: rules.readingFilter, page: rules.page }, pageOf(results.sample)),
    get: asks({ type: deviceType, id: rules.anyId, within: rules.within }, nullOr(results.sample)),
    latest: asks(
      { type: deviceType, deviceIds: rules.deviceIds, within: rules.within },
      listOf(results.latest),
    ),
    latestSamples: asks(
      { type: deviceType, deviceIds: rules.deviceIds, within: rules.within },
      listOf(results.sample),
    ),
    aggregate: asks({ type: deviceType, query: rules.aggregateQuery }, listOf(results.bucket)),
    scan: asks({ type: deviceType, query: scanQuery, page: rules.page }, pageOf(results.scanned)),
    series: asks({ type: deviceType, query: seriesQuery }, listOf(results.seriesRow)),
  },
  messages: {
    list: asks(
      { type: orNull(deviceType), filter: rules.messageFilter, page: rules.page },
      pageOf(results.message),
    ),
    get: asks({ ref: rules.messageRef, within: rules.within }, nullOr(results.message)),
  },
  log: {
    read: asks(
      {
        types: rules.types,
        cursor: orNull(rules.cursor),
        limit: rules.count,
        maxBytes: optional(rules.bytes),
      },
      results.logPage,
    ),
    end: asks({ types: rules.types }, text),
    seek: asks({ types: rules.types, time: rules.time }, text),
    count: asks({ types: rules.types, cursor: orNull(rules.cursor), max: rules.count }, count),
  },
}

export const CONTROL: CallsOf<ControlStores> = {
  leases: {
    find: asks({ names: list(rules.name) }, listOf(results.leaseState)),
    acquire: writes({ name: rules.name, holder: rules.holder, ttl: rules.duration }, nullOr(results.lease)),
    renew: writes({ lease: rules.lease, ttl: rules.duration, note: rules.note }, flag),
    release: writes({ lease: rules.lease }, flag),
  },
  consumers: {
    list: asks({}, listOf(results.consumer)),
    get: asks({ name: rules.name }, nullOr(results.consumer)),
    open: writes({ start: rules.consumerStart }, nullOr(results.consumer)),
    advance: writes({ step: rules.consumerStep }, flag),
    seek: writes({ name: rules.name, cursor: orNull(rules.cursor), now: rules.time }, flag),
    delete: writes({ name: rules.name }, flag),
    failures: asks({ name: rules.name, page: rules.page }, pageOf(results.failure)),
    requestRetry: writes({ name: rules.name, ref: orNull(rules.messageRef) }, count),
    dueRetries: asks({ name: rules.name, limit: rules.count }, listOf(results.failure)),
    settleRetry: writes(
      {
        writer: rules.consumerWriter,
        ref: rules.messageRef,
        failure: orNull(rules.newFailure),
      },
      flag,
    ),
    skip: writes({ name: rules.name, ref: rules.messageRef }, flag),
  },
  commands: {
    create: writes(
      { commands: list(rules.newCommand), claim: orNull(rules.claimRequest) },
      listOf(results.created),
    ),
    find: asks({ ids: rules.ids, within: optional(rules.devicesOfTypes) }, listOf(results.command)),
    list: asks({ filter: rules.commandFilter, page: rules.page }, pageOf(results.command)),
    claimDue: writes({ request: rules.dueCommands }, listOf(results.command)),
    release: writes({ claim: rules.holder, ids: rules.ids, delay: rules.duration }, nothing),
    wake: writes({ type: deviceType, deviceIds: rules.deviceIds }, nothing),
  },
  twins: {
    get: asks({ type: deviceType, deviceId: rules.deviceId, within: rules.within }, nullOr(results.twin)),
    setDesired: writes({ change: rules.desiredChange }, results.desiredOutcome),
    claimDue: writes({ request: rules.dueTwins }, listOf(results.dueTwin)),
    release: writes({ claim: rules.holder, twins: list(rules.twinKey), delay: rules.duration }, nothing),
  },
  credentials: {
    find: asks({ kind: rules.credentialKind, lookups: list(rules.lookup) }, listOf(results.foundCredential)),
    ofDevices: asks({ type: deviceType, deviceIds: rules.deviceIds }, listOf(results.credential)),
    write: writes({ writes: list(rules.credentialWrite) }, listOf(results.written)),
    changes: asks({ position: orNull(rules.position), limit: rules.count }, results.accessChanges),
  },
  claims: {
    createKey: writes({ key: rules.claimKey }, nothing),
    findKey: asks({ lookup: rules.lookup }, nullOr(results.claimKey)),
    listKeys: asks({ page: rules.page }, pageOf(results.claimKey)),
    revokeKey: writes({ id: rules.anyId, now: rules.time }, flag),
    claim: writes({ request: rules.claimOfDevice }, results.claimed),
  },
}

export const MIGRATE = writes(
  {
    options: optional(options<MigrateOptions>({ allowDestructive: optional(yesOrNo) })),
  },
  results.plan,
)
export const RETENTION = writes(
  {
    now: rules.time,
    request: optional(
      options<RetentionRequest>({
        unroutedBefore: optional(rules.time),
        pause: optional(callback<NonNullable<RetentionRequest['pause']>>()),
      }),
    ),
  },
  results.retained,
)
export const PLAN = asks({}, results.plan)
export const CLOSE = writes({}, nothing)
