import type { CredentialOptions } from '../credentials/credentials-api.js'
import type { IngestLimits } from '../ingest/ingest-stats.js'
import {
  accept,
  duration,
  either,
  integer,
  list,
  type OptionRules,
  optional,
  options,
  port,
  type Rule,
  satisfies,
  text,
} from '../model/check/index.js'
import type { AnyDeviceType, IngestPolicies } from '../model/device-type/device-type.js'
import { POLICY_NAMES } from '../model/device-type/effective-options.js'
import { declaredType } from '../model/device-type/type-rule.js'
import type { Duration, InMilliseconds } from '../model/duration.js'
import type { Registry } from '../model/registry.js'
import { clock, logger, metrics } from '../ports/checks.js'
import type { Clock } from '../ports/clock.js'
import type { Logger } from '../ports/logger.js'
import type { Metrics } from '../ports/metrics.js'
import type { SignalSink } from '../ports/signals.js'
import type { StorageAdapter } from '../ports/storage.js'

/** What a hub is made of. Only `types` is needed; what is left out has a default that works in one process. */
export interface DeviceHubOptions<Signals extends SignalSink> extends Partial<IngestPolicies> {
  /** The device types, or a registry of them. `duplicate_type` for two of one name. */
  readonly types: readonly AnyDeviceType[] | Registry
  /** Default `memoryStorage()`: gone with the process. */
  readonly storage?: StorageAdapter
  /** `createSignals()` of `@devicehub/signals`; without it nobody can subscribe, and only the hooks of the types are called. */
  readonly signals?: Signals
  /** Default `things`: the first level of every topic. */
  readonly topicPrefix?: string
  /** Characters; default 128. */
  readonly deviceIdMaxLength?: number
  /** Bytes of a device's metadata, as JSON; default 64 KiB. */
  readonly maxMetadata?: number
  /** Bytes; default 1 MiB. A larger payload is rejected and not kept. */
  readonly maxPayload?: number
  /** Samples one backfill may hold; default 10,000. */
  readonly maxSamples?: number
  /** Sizes of batches and of the queue. */
  readonly ingest?: Partial<IngestLimits>
  /** What is remembered of devices, and for how long. */
  readonly deviceCache?: Partial<DeviceCacheOptions>
  /** Bounds of commands and desired state. */
  readonly commands?: Partial<CommandLimits>
  /** Needed by what issues or checks credentials of devices. */
  readonly credentials?: CredentialOptions
  /** Default: warnings and errors on standard error. */
  readonly logger?: Logger
  /** Where counters go; default: nowhere. */
  readonly metrics?: Metrics
  /** Default `systemClock`; tests pass one that they move. */
  readonly clock?: Clock
}

/** What a hub remembers of its devices, so that not every message asks the database. */
export interface DeviceCacheOptions {
  /** Devices remembered; default 100,000. */
  readonly maxEntries: number
  /** How old what is remembered of a device may be before it is read anew; default 5 s. Three times that bounds how long a deactivation elsewhere goes unseen. */
  readonly refreshAfter: Duration
  /** How long an unknown id stays unknown without asking again; default 1 s. */
  readonly unknownFor: Duration
  /** The time between two writes of the `last_seen` of a device that only sends data; default 5 s, at most half its heartbeat interval. */
  readonly lastSeenEvery: Duration
}

/** Bounds of a hub's commands and desired state. */
export interface CommandLimits {
  /** The time between two looks for commands and desired state that are due: what another process left is sent no later; default 1 s. */
  readonly lookEvery: Duration
  /** Publications of commands and desired state at once; default 1,000. The others wait in the database. */
  readonly concurrency: number
  /** Bytes of a command's payload, as JSON; default 256 KiB. */
  readonly maxPayload: number
  /** Bytes of a result that the ledger keeps, as JSON; default 64 KiB. A larger one counts as failed. */
  readonly maxResult: number
}

export const LIMITS: IngestLimits = {
  maxBatch: 500,
  maxBatchBytes: 8 << 20,
  maxQueued: 20_000,
  maxQueuedBytes: 64 << 20,
}
/** In milliseconds, as all settings below. */
export const CACHE: InMilliseconds<DeviceCacheOptions> = {
  maxEntries: 100_000,
  refreshAfter: 5_000,
  unknownFor: 1_000,
  lastSeenEvery: 5_000,
}
export const COMMANDS: InMilliseconds<CommandLimits> = {
  lookEvery: 1_000,
  concurrency: 1_000,
  maxPayload: 256 << 10,
  maxResult: 64 << 10,
}
/** Bytes and counts that fit into memory. */
const COUNT = integer({ min: 1, max: 2 ** 40 })
/** What is looked at again in a day at the latest. */
const OFTEN = duration({ min: '1ms', max: '1d' })

const each = <Name extends string>(names: readonly Name[], rule: Rule<number>) =>
  Object.fromEntries(names.map((name) => [name, optional(rule)])) as OptionRules<
    Partial<Record<Name, number>>
  >

/** What a hub is made of, with times in milliseconds; those of the policies see `takePolicies`. */
type AcceptedHub<Signals extends SignalSink> = Omit<
  DeviceHubOptions<Signals>,
  'deviceCache' | 'commands' | 'credentials'
> & {
  readonly deviceCache?: Partial<InMilliseconds<DeviceCacheOptions>>
  readonly commands?: Partial<InMilliseconds<CommandLimits>>
  readonly credentials?: InMilliseconds<CredentialOptions>
}

const HUB = options<AcceptedHub<SignalSink>>({
  ...POLICY_NAMES,
  types: either(list(declaredType, { max: 10_000 }), port<Registry>('a registry', 'all', 'get')),
  storage: optional(
    port<StorageAdapter>('a storage such as memoryStorage() or kyselyStorage({ db })', 'open'),
  ),
  signals: optional(port<SignalSink>('signals made by createSignals()', 'emit', 'hasSubscribers')),
  topicPrefix: optional(text({ max: 1024 })),
  // What the column holds.
  deviceIdMaxLength: optional(integer({ min: 1, max: 128 })),
  maxMetadata: optional(integer({ min: 2, max: 16 << 20 })),
  maxPayload: optional(integer({ min: 1, max: 268_435_455 })),
  maxSamples: optional(COUNT),
  ingest: optional(
    options<Partial<IngestLimits>>(
      each(['maxBatch', 'maxBatchBytes', 'maxQueued', 'maxQueuedBytes'] as const, COUNT),
    ),
  ),
  deviceCache: optional(
    options<Partial<InMilliseconds<DeviceCacheOptions>>>({
      ...each(['maxEntries'] as const, COUNT),
      ...each(['refreshAfter', 'unknownFor', 'lastSeenEvery'] as const, OFTEN),
    }),
  ),
  commands: optional(
    options<Partial<InMilliseconds<CommandLimits>>>({
      ...each(['concurrency', 'maxPayload', 'maxResult'] as const, COUNT),
      lookEvery: optional(OFTEN),
    }),
  ),
  credentials: optional(
    options<InMilliseconds<CredentialOptions>>({
      // Whether it is long enough says the one who takes it.
      secret: satisfies('a secret from: openssl rand -base64 32', () => true),
      ...each(['maxCacheEntries', 'maxQueued', 'hashConcurrency', 'maxQueuedHashes'] as const, COUNT),
      cacheFor: optional(OFTEN),
    }),
  ),
  logger: optional(logger),
  metrics: optional(metrics),
  clock: optional(clock),
})

export const acceptHub = <Signals extends SignalSink>(given: unknown): AcceptedHub<Signals> =>
  accept('createDeviceHub', 'options', HUB, given) as AcceptedHub<Signals>
