import { DeviceHubError } from '../model/errors.js'
import type { Clock } from '../ports/clock.js'
import type { CredentialKind, CredentialStore, FoundCredential } from '../ports/credentials.js'
import { isCredentialGood } from '../rules/states.js'
import { createAccessVersions } from './access-versions.js'
import { createAccessWatch } from './access-watch.js'
import { PATIENCE } from './answered.js'
import { type Answer, createBatchedFind } from './batched-find.js'
import type { CredentialCounts } from './credential-counts.js'
import { createRecent } from './recent.js'
import { createSpread } from './spread.js'

/** The credentials behind user names and keys, remembered, and never from before a change that was committed before the call. */
export interface CredentialDirectory {
  /**
   * Those that are good now: not expired, of an active device. `queue_full` when too many wait already, `closed`;
   * otherwise rejects as the database does.
   */
  find(kind: CredentialKind, lookup: string): Promise<readonly FoundCredential[]>
  readonly size: number
  close(): void
}

export interface CredentialDirectoryOptions {
  readonly store: CredentialStore
  readonly clock: Clock
  readonly counts: CredentialCounts
  /** Look-ups remembered. */
  readonly max: number
  /** Milliseconds. */
  readonly maxAge: number
  /** Calls that may wait for the database. */
  readonly maxWaiting: number
  readonly monotonic?: () => number
  /** Milliseconds until a database that does not answer counts as away. */
  readonly patience?: number
}

/** Answers given in one turn of the event loop: some milliseconds of hashing and of what callers do with them. */
const ANSWERS_A_TURN = 16

/** When an answer was asked for: among the calls, and among the changes. */
interface Stamp {
  readonly turn: number
  readonly version: number
}

/**
 * How an answer stays fresh. (1) A call first waits for a look at what changed that began after the call. (2) Every
 * answer has the version that was known when the database was asked, so it holds all that was told up to there; what
 * changed behind that is told by a later look, whose version is higher. (3) An answer of which a device has changed
 * since its version is not given from the cache. (4) Who joined a query that had begun before
 * its call may be given an answer from before a change: that one was told by its look, so the answer is out of date
 * by (3), and the call asks again, with a query that begins now.
 */
export function createCredentialDirectory(options: CredentialDirectoryOptions): CredentialDirectory {
  const { store, clock, counts, max, maxAge, maxWaiting } = options
  const { monotonic = () => performance.now(), patience = PATIENCE } = options
  const versions = createAccessVersions(max)
  const cache = createRecent<Answer<Stamp>>({ max, maxAge, monotonic })
  const watch = createAccessWatch({
    changes: (position, limit) => store.changes(position, limit),
    onChanges: versions.changed,
    onLook: () => counts.add('checks'),
    monotonic,
    patience,
  })
  const finds = { password: finderOf('password'), api_key: finderOf('api_key') }
  const spread = createSpread(ANSWERS_A_TURN)
  let turn = 0
  let waiting = 0

  function finderOf(kind: CredentialKind) {
    return createBatchedFind<Stamp>({
      find: (lookups) => store.find(kind, lookups),
      stamp: () => ({ turn: ++turn, version: versions.present }),
      onAnswer: (lookup, answer) => cache.set(`${kind} ${lookup}`, answer),
      onQuery(lookups) {
        counts.add('queries')
        counts.add('lookups', lookups)
      },
      patience,
    })
  }

  const isGood = (credential: FoundCredential) =>
    credential.isActive && isCredentialGood(credential, clock.now())

  const isCurrent = ({ found, stamp }: Answer<Stamp>) =>
    versions.isCurrent(stamp.version, found, found.some(isGood))

  async function answer(kind: CredentialKind, lookup: string): Promise<Answer<Stamp>> {
    const calledAt = ++turn
    await watch.look()
    const known = cache.get(`${kind} ${lookup}`)
    if (known !== undefined && isCurrent(known)) {
      counts.add('hits')
      return known
    }
    const first = await finds[kind].find(lookup)
    return first.stamp.turn > calledAt || isCurrent(first) ? first : finds[kind].find(lookup)
  }

  return {
    async find(kind, lookup) {
      if (waiting >= maxWaiting)
        throw new DeviceHubError(
          'queue_full',
          `${maxWaiting} look-ups of credentials wait for the database (credentials.maxWaiting); try again later`,
        )
      waiting++
      try {
        const { found } = await answer(kind, lookup)
        // All that waited for one look or one query would go on at once.
        await spread()
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
      finds.password.close()
      finds.api_key.close()
    },
  }
}
