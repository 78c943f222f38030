import { createCredentialCounts } from '../credentials/credential-counts.js'
import { createCredentialDirectory } from '../credentials/credential-directory.js'
import type { CredentialOptions, CredentialsApi } from '../credentials/credentials-api.js'
import { createKeyedHashes } from '../credentials/secret-hashes.js'
import { createSlowHash } from '../credentials/slow-hash.js'
import { createSlowHashCache } from '../credentials/slow-hash-cache.js'
import { createVerifier } from '../credentials/verify.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { InMilliseconds } from '../model/duration.js'
import { DeviceHubError } from '../model/errors.js'
import type { Clock } from '../ports/clock.js'
import type { Metrics } from '../ports/metrics.js'
import type { Storage } from '../ports/storage.js'
import { controlMissing } from '../rules/storage-errors.js'

export interface CredentialsContext {
  readonly storage: Storage
  readonly types: readonly AnyDeviceType[]
  readonly clock: Clock
  readonly metrics: Metrics
}

export interface Credentials {
  readonly api: CredentialsApi
  /** Ends what waits with `closed`. */
  close(): void
}

const DEFAULTS = {
  maxCacheEntries: 100_000,
  cacheFor: 60_000,
  maxQueued: 20_000,
  hashConcurrency: 2,
  maxQueuedHashes: 100,
}

/** Without options the hub works, and each call says what is missing. */
export function createCredentials(
  options: InMilliseconds<CredentialOptions> | undefined,
  { storage, types, clock, metrics }: CredentialsContext,
): Credentials {
  if (!storage.capabilities.control)
    return { api: refusing(() => controlMissing(storage.name, 'credentials')), close() {} }
  if (options === undefined) return { api: refusing(secretMissing), close() {} }
  const { secret, ...given } = options
  const limits = { ...DEFAULTS, ...given }
  const keyed = createKeyedHashes(secret)
  let closed = false
  // Who issues or checks credentials probes this first, and so is refused when it is made, not with its first device.
  const hashes: typeof keyed = {
    ...keyed,
    lookups(purpose, text) {
      if (closed)
        throw new DeviceHubError('closed', 'the hub is closed: it checks and issues no more credentials')
      return keyed.lookups(purpose, text)
    },
  }
  const counts = createCredentialCounts(metrics)
  const monotonic = () => performance.now()
  const cache = { max: limits.maxCacheEntries, maxAge: limits.cacheFor, monotonic }
  const directory = createCredentialDirectory({
    ...cache,
    store: storage.credentials,
    clock,
    counts,
    maxQueued: limits.maxQueued,
  })
  const slow = createSlowHash({
    concurrency: limits.hashConcurrency,
    maxQueued: limits.maxQueuedHashes,
    onHash: () => counts.add('slowHashes'),
    monotonic,
  })
  const matchesSlow = createSlowHashCache(slow, cache)
  const verifier = createVerifier({ directory, hashes, matchesSlow, types })

  return {
    api: {
      ...verifier,
      hashes: { keyed: hashes.keyed, slow: slow.hash, lookups: hashes.lookups },
      stats: () => ({ ...counts.totals, cached: directory.size }),
    },
    close() {
      closed = true
      directory.close()
      slow.close()
    },
  }
}

const secretMissing = () =>
  new DeviceHubError(
    'invalid_options',
    'the hub has no secret to check credentials with; pass createDeviceHub({ credentials: { secret } }), from: openssl rand -base64 32',
  )

function refusing(error: () => DeviceHubError): CredentialsApi {
  const refuse = (): never => {
    throw error()
  }
  return {
    verify: async () => refuse(),
    verifyApiKey: async () => refuse(),
    find: async () => refuse(),
    hashes: { keyed: refuse, slow: async () => refuse(), lookups: refuse },
    stats: () => ({ lookups: 0, queries: 0, checks: 0, hits: 0, slowHashes: 0, cached: 0 }),
  }
}
