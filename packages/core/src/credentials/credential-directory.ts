import { DeviceHubError } from '../model/errors.js'
import type { Clock } from '../ports/clock.js'
import type { CredentialKind, CredentialStore, FoundCredential } from '../ports/credentials.js'
import { isCredentialGood } from '../rules/states.js'
import { type Answer, createBatchedLookup } from './batched-lookup.js'
import { createChangeVersions } from './change-versions.js'
import { createChangeWatch } from './change-watch.js'
import type { CredentialCounts } from './credential-counts.js'
import { createLruTtlCache } from './lru-ttl-cache.js'
import { LOOKUP_TIMEOUT_MS } from './with-timeout.js'
import { createYieldEvery } from './yield-every.js'

/** Finds the credentials of a user name or key, through a cache that never answers from before a change that was committed before the call. */
export interface CredentialDirectory {
  /**
   * The credentials that can log in now: not expired, of an active device. Rejects with `queue_full` when too many calls
   * wait, with `closed`, or as the database does.
   */
  find(kind: CredentialKind, lookup: string): Promise<readonly FoundCredential[]>
  readonly size: number
  close(): void
}

export interface CredentialDirectoryOptions {
  readonly store: CredentialStore
  readonly clock: Clock
  readonly counts: CredentialCounts
  /** Lookups in the cache. */
  readonly max: number
  /** Milliseconds. */
  readonly maxAge: number
  /** Calls that may wait for the database. */
  readonly maxQueued: number
  readonly monotonic?: () => number
  /** Until a database that does not answer counts as unavailable; default 5,000. */
  readonly timeoutMs?: number
}

/** Results per event loop turn: a few milliseconds of hashing and of the callers' own work. */
const RESULTS_PER_TURN = 16

/** When a query was sent: its place among the calls, and the version of the changes known then. */
interface Stamp {
  readonly sequence: number
  readonly version: number
}

/**
 * Why no result is stale. (1) A call first waits for a poll of the changes that started after the call. (2) Each result
 * is stamped with the version known before its query, so it includes every change up to that version; a later change
 * gets a higher version. (3) A cached result is not used when one of its devices has changed since its stamp. (4) A call
 * may join a query that was sent before the call and misses a change. The poll of (1) told of that change, so the result
 * fails (3), and the call sends a query of its own.
 */
export function createCredentialDirectory(options: CredentialDirectoryOptions): CredentialDirectory {
  const { store, clock, counts, max, maxAge, maxQueued } = options
  const { monotonic = () => performance.now(), timeoutMs = LOOKUP_TIMEOUT_MS } = options
  const versions = createChangeVersions(max)
  const cache = createLruTtlCache<Answer<Stamp>>({ max, maxAge, monotonic })
  const watch = createChangeWatch({
    changes: (position, limit) => store.changes(position, limit),
    onChanges: versions.changed,
    onPoll: () => counts.add('checks'),
    monotonic,
    timeoutMs,
  })
  const lookups = { password: lookupOf('password'), api_key: lookupOf('api_key') }
  const yieldEvery = createYieldEvery(RESULTS_PER_TURN)
  let sequence = 0
  let waiting = 0

  function lookupOf(kind: CredentialKind) {
    return createBatchedLookup<Stamp>({
      find: (lookups) => store.find(kind, lookups),
      stamp: () => ({ sequence: ++sequence, version: versions.current }),
      onAnswer: (lookup, answer) => cache.set(`${kind} ${lookup}`, answer),
      onQuery(lookups) {
        counts.add('queries')
        counts.add('lookups', lookups)
      },
      timeoutMs,
    })
  }

  const isGood = (credential: FoundCredential) =>
    credential.isActive && isCredentialGood(credential, clock.now())

  const isCurrent = ({ found, stamp }: Answer<Stamp>) =>
    versions.isCurrent(stamp.version, found, found.some(isGood))

  async function answer(kind: CredentialKind, lookup: string): Promise<Answer<Stamp>> {
    const calledAt = ++sequence
    await watch.poll()
    const known = cache.get(`${kind} ${lookup}`)
    if (known !== undefined && isCurrent(known)) {
      counts.add('hits')
      return known
    }
    const first = await lookups[kind].find(lookup)
    return first.stamp.sequence > calledAt || isCurrent(first) ? first : lookups[kind].find(lookup)
  }

  return {
    async find(kind, lookup) {
      if (waiting >= maxQueued)
        throw new DeviceHubError(
          'queue_full',
          `${maxQueued} credential lookups wait for the database (credentials.maxQueued); try again later`,
        )
      waiting++
      try {
        const { found } = await answer(kind, lookup)
        // All that waited for the same poll or query would otherwise run in one turn.
        await yieldEvery()
        return found.filter(isGood)
      } finally {
        waiting--
      }
    },
    get size() {
      return cache.size
    },
    close() {
      watch.close()
      lookups.password.close()
      lookups.api_key.close()
    },
  }
}
