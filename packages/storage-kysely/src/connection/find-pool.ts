import { randomUUID } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { CompiledQuery, type Kysely } from 'kysely'
import { guardPool } from './guard-pool.js'

interface Client extends EventEmitter {
  query(...args: readonly unknown[]): unknown
}

const ignore = () => {}

/**
 * Guards the pool behind a Kysely instance; the function returned waits until that is done, with the first connection.
 *
 * Kysely holds its pool where nobody can see it, and may only make it when the first statement comes. But a pool of `pg`
 * says `acquire` when it hands out a connection. So all that is said to be acquired while Kysely gets one is looked at,
 * and the one is ours through which the next statement on that connection goes. Another driver's pool says nothing, and
 * has no such events that would need a listener.
 */
export function poolGuard(db: Kysely<unknown>): () => Promise<void> | null {
  let done = false
  let guarding: Promise<void> | null = null

  async function guard(): Promise<void> {
    const acquired = listenForPools()
    try {
      await db.connection().execute(async (on) => {
        acquired.stop()
        // Its text tells it from what others run at the same time.
        const statement = `select 1 /* devicehub ${randomUUID()} */`
        const ours = await poolUsedBy(acquired.pools, statement, () =>
          on.executeQuery(CompiledQuery.raw(statement)),
        )
        if (ours !== null) guardPool(ours)
      })
      done = true
    } finally {
      acquired.stop()
      guarding = null
    }
  }

  return () => {
    if (done) return null
    guarding ??= guard()
    return guarding
  }
}

type Acquired = Map<Client, EventEmitter>

/** Who listens at the moment: several storages can begin at once. */
const listening = new Set<Acquired>()
let original = EventEmitter.prototype.emit
/** Stays true where somebody else has put a wrapper around ours meanwhile: it goes on beneath it. */
let installed = false

function listeningEmit(this: EventEmitter, event: string | symbol, ...values: unknown[]): boolean {
  if (event === 'acquire' && isClient(values[0]))
    for (const acquired of listening) acquired.set(values[0], this)
  return original.call(this, event, ...values)
}

/** What pools hand out from here until `stop`. */
function listenForPools(): { readonly pools: Acquired; stop(): void } {
  const pools: Acquired = new Map()
  if (!installed) {
    original = EventEmitter.prototype.emit
    EventEmitter.prototype.emit = listeningEmit
    installed = true
  }
  listening.add(pools)
  return {
    pools,
    stop() {
      listening.delete(pools)
      if (listening.size > 0 || EventEmitter.prototype.emit !== listeningEmit) return
      EventEmitter.prototype.emit = original
      installed = false
    },
  }
}

const isClient = (value: unknown): value is Client =>
  value instanceof EventEmitter && typeof (value as Partial<Client>).query === 'function'

/** Which of the pools the statement goes through; null: through none of them. */
async function poolUsedBy(
  pools: Acquired,
  statement: string,
  execute: () => Promise<unknown>,
): Promise<EventEmitter | null> {
  let used: readonly [Client, EventEmitter] | null = null
  const undo = Array.from(pools, ([client, pool]) => {
    client.on('error', ignore)
    const unwatch = watchQuery(client, (query) => {
      if (query === statement) used = [client, pool]
    })
    return () => {
      unwatch()
      // Ours was connected before its pool is guarded.
      if (used?.[0] !== client) client.off('error', ignore)
    }
  })
  try {
    await execute()
  } finally {
    for (const each of undo) each()
  }
  return (used as readonly [Client, EventEmitter] | null)?.[1] ?? null
}

function watchQuery(client: Client, onQuery: (query: unknown) => void): () => void {
  const own = Object.getOwnPropertyDescriptor(client, 'query')
  const { query } = client
  Object.defineProperty(client, 'query', {
    configurable: true,
    writable: true,
    value(this: Client, ...args: unknown[]) {
      onQuery(args[0])
      return query.apply(this, args)
    },
  })
  return () => {
    if (own === undefined) delete (client as Partial<Client>).query
    else Object.defineProperty(client, 'query', own)
  }
}
