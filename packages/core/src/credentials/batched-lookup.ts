import { createBatcher, type Deferred, deferred } from '@devicehub-internal/async'
import { DeviceHubError } from '../model/errors.js'
import type { FoundCredential } from '../ports/credentials.js'
import { withTimeout } from './with-timeout.js'

/** Lookups in one query. */
const BATCH = 500

/** The credentials found for one lookup, with the stamp that was taken before the query. */
export interface Answer<Stamp> {
  readonly found: readonly FoundCredential[]
  readonly stamp: Stamp
}

/** Batches lookups: equal ones in flight share a result, and those that arrive during a query share the next query. */
export interface BatchedLookup<Stamp> {
  find(lookup: string): Promise<Answer<Stamp>>
  close(): void
}

export interface BatchedLookupOptions<Stamp> {
  readonly find: (lookups: readonly string[]) => Promise<readonly FoundCredential[]>
  /** Called before each query. */
  readonly stamp: () => Stamp
  readonly onAnswer: (lookup: string, answer: Answer<Stamp>) => void
  readonly onQuery: (lookups: number) => void
  /** Until a database that does not answer counts as unavailable. */
  readonly timeoutMs: number
}

export function createBatchedLookup<Stamp>(options: BatchedLookupOptions<Stamp>): BatchedLookup<Stamp> {
  /** By lookup: those that wait for a query, and those in the running one. */
  const inFlight = new Map<string, Deferred<Answer<Stamp>>>()
  const waiting = createBatcher<string>({ process: query, maxItems: BATCH })
  let closed = false

  async function query(lookups: readonly string[]): Promise<void> {
    const stamp = options.stamp()
    options.onQuery(lookups.length)
    try {
      const byLookup = new Map<string, FoundCredential[]>(lookups.map((lookup) => [lookup, []]))
      // A collation may match a name that differs from the lookup, in case say: such a row is dropped.
      for (const credential of await withTimeout(options.find(lookups), options.timeoutMs))
        byLookup.get(credential.lookup)?.push(credential)
      for (const [lookup, found] of byLookup) {
        const answer = { found, stamp }
        options.onAnswer(lookup, answer)
        takeInFlight(lookup)?.resolve(answer)
      }
    } catch (error) {
      for (const lookup of lookups) takeInFlight(lookup)?.reject(error)
    }
  }

  function takeInFlight(lookup: string): Deferred<Answer<Stamp>> | undefined {
    const entry = inFlight.get(lookup)
    inFlight.delete(lookup)
    return entry
  }

  const closedError = () =>
    new DeviceHubError('closed', 'the hub is closed: it verifies no credentials any more')

  return {
    async find(lookup) {
      if (closed) throw closedError()
      const known = inFlight.get(lookup)
      if (known !== undefined) return known.promise
      const entry = deferred<Answer<Stamp>>()
      inFlight.set(lookup, entry)
      waiting.push(lookup)
      return entry.promise
    },
    close() {
      closed = true
      waiting.clear()
      for (const entry of inFlight.values()) entry.reject(closedError())
      inFlight.clear()
    },
  }
}
