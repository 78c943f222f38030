import type { AnyDeviceType, IngestPolicies } from '../device-type/device-type.js'
import { checkOption } from '../device-type/options.js'
import { DeviceHubError } from '../errors.js'
import type { IngestLimits } from '../ingest/create-ingest.js'
import type { Clock } from '../ports/clock.js'
import type { Logger } from '../ports/logger.js'
import type { Metrics } from '../ports/metrics.js'
import type { SignalSink } from '../ports/signals.js'
import type { StorageAdapter } from '../ports/storage.js'
import type { Registry } from '../registry.js'
import type { CredentialOptions } from './credentials-api.js'

export interface DeviceHubOptions<Signals extends SignalSink> extends Partial<IngestPolicies> {
  readonly types: readonly AnyDeviceType[] | Registry
  /** Default `memoryStorage()`: gone with the process. */
  readonly storage?: StorageAdapter
  /** `createSignals()` of `@devicehub/signals`; without it only the types' hooks hear of anything. */
  readonly signals?: Signals
  /** Default `things`: the first level of every topic. */
  readonly topicPrefix?: string
  /** Characters; default 128. */
  readonly deviceIdMaxLength?: number
  /** Bytes; default 1 MiB. A larger payload is rejected and not kept. */
  readonly maxPayload?: number
  /** Samples one backfill may hold; default 10,000. */
  readonly maxSamples?: number
  readonly ingest?: Partial<IngestLimits>
  readonly deviceCache?: Partial<DeviceCacheOptions>
  readonly commands?: Partial<CommandLimits>
  /** Needed by what issues or checks credentials of devices. */
  readonly credentials?: CredentialOptions
  /** Default: warnings and errors on standard error. */
  readonly logger?: Logger
  readonly metrics?: Metrics
  readonly clock?: Clock
}

export interface DeviceCacheOptions {
  /** Devices remembered; default 100,000. */
  readonly max: number
  /** Seconds after which a device is read anew; default 5. Three times that bounds how long a deactivation elsewhere goes unseen. */
  readonly refreshAfter: number
  /** Seconds an unknown id stays unknown without asking again; default 1. */
  readonly unknownFor: number
  /** Seconds between two writes of the `last_seen` of a device that only sends data; default 5, at most half its heartbeat interval. */
  readonly lastSeenEvery: number
}

export interface CommandLimits {
  /** Seconds between two looks for commands and desired state that are due: what another process left is sent no later; default 1. */
  readonly lookEvery: number
  /** Publications of commands and desired state at once; default 1,000. */
  readonly maxRunning: number
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
export const CACHE: DeviceCacheOptions = { max: 100_000, refreshAfter: 5, unknownFor: 1, lastSeenEvery: 5 }
export const COMMANDS: CommandLimits = {
  lookEvery: 1,
  maxRunning: 1_000,
  maxPayload: 256 << 10,
  maxResult: 64 << 10,
}
export const POLICIES: IngestPolicies = {
  unknownDevice: 'quarantine',
  unknownField: 'ignore',
  outOfRange: 'flag',
  badReading: 'flag',
  clockSkew: { past: 7 * 86_400, future: 600 },
  earliestTime: new Date('2020-01-01T00:00:00Z'),
  impossibleTime: 'received',
  timeZone: 'UTC',
}

/** Of the hub, the defaults filled in. `invalid_options` names the one that cannot be. */
export function hubPolicies(options: Partial<IngestPolicies>): IngestPolicies {
  const given = Object.entries(options).filter(([name, value]) => name in POLICIES && value !== undefined)
  for (const [name, value] of given)
    checkOption(
      name as keyof IngestPolicies,
      value,
      (rule) =>
        new DeviceHubError('invalid_options', `createDeviceHub: ${name} must be ${rule}`, {
          details: { option: name, value },
        }),
    )
  return { ...POLICIES, ...Object.fromEntries(given) }
}

export function positive(name: string, value: number): number {
  if (Number.isFinite(value) && value > 0) return value
  throw new DeviceHubError('invalid_options', `${name} must be a number above 0, not ${String(value)}`, {
    details: { [name]: value },
  })
}

export function allPositive<Options extends object>(group: string, options: Options): Options {
  for (const [name, value] of Object.entries(options)) positive(`${group}.${name}`, value as number)
  return options
}
