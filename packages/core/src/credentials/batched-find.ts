import { DeviceHubError } from '../model/errors.js'
import type { FoundCredential } from '../ports/credentials.js'
import { answered } from './answered.js'
import { type Deferred, deferred } from './deferred.js'

/** Look-ups in one query. */
const BATCH = 500

/** What the database said of one look-up, and when it was asked. */
export interface Answer<Stamp> {
  readonly found: readonly FoundCredential[]
  readonly stamp: Stamp
}

/** Asks the database, each look-up once at a time; those that wait meanwhile share the next query. */
export interface BatchedFind<Stamp> {
  find(lookup: string): Promise<Answer<Stamp>>
  close(): void
}

export interface BatchedFindOptions<Stamp> {
  readonly find: (lookups: readonly string[]) => Promise<readonly FoundCredential[]>
  /** Taken before each query. */
  readonly stamp: () => Stamp
  readonly onAnswer: (lookup: string, answer: Answer<Stamp>) => void
  readonly onQuery: (lookups: number) => void
  /** Milliseconds. */
  readonly patience: number
}

export function createBatchedFind<Stamp>(options: BatchedFindOptions<Stamp>): BatchedFind<Stamp> {
  /** Those that wait for a query, and those that are asked now. */
  const flights = new Map<string, Deferred<Answer<Stamp>>>()
  let waiting: string[] = []
  let running = false
  let closed = false

  async function run(): Promise<void> {
    while (waiting.length > 0) {
      const lookups = waiting.slice(0, BATCH)
      waiting = waiting.slice(BATCH)
      await query(lookups)
    }
    running = false
  }

  async function query(lookups: readonly string[]): Promise<void> {
    const stamp = options.stamp()
    options.onQuery(lookups.length)
    try {
      const byLookup = new Map<string, FoundCredential[]>(lookups.map((lookup) => [lookup, []]))
      // What a database takes for equal and is not (a collation) finds no list.
      for (const one of await answered(options.find(lookups), options.patience))
        byLookup.get(one.lookup)?.push(one)
      for (const [lookup, found] of byLookup) {
        const answer = { found, stamp }
        options.onAnswer(lookup, answer)
        land(lookup)?.resolve(answer)
      }
    } catch (error) {
      for (const lookup of lookups) land(lookup)?.reject(error)
    }
  }

  function land(lookup: string): Deferred<Answer<Stamp>> | undefined {
    const flight = flights.get(lookup)
    flights.delete(lookup)
    return flight
  }

  const closedError = () => new DeviceHubError('closed', 'the hub is closed: it looks nobody up any more')

  return {
    async find(lookup) {
      if (closed) throw closedError()
      const known = flights.get(lookup)
      if (known !== undefined) return known.promise
      const flight = deferred<Answer<Stamp>>()
      flights.set(lookup, flight)
      waiting.push(lookup)
      if (!running) {
        running = true
        // Whoever comes in the same turn of the event loop shares the query.
        setImmediate(run)
      }
      return flight.promise
    },
    close() {
      closed = true
      waiting = []
      for (const flight of flights.values()) flight.reject(closedError())
      flights.clear()
    },
  }
}
