import { randomUUID } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { CompiledQuery, type Kysely } from 'kysely'
import type { SqlDialect } from '../schema/logical-type.js'
import { engineOf } from '../sqlite/sqlite-dialect.js'
import { classify } from '../storage-error.js'
import { type DatabaseTarget, fileTarget, showTarget, targetOfClient } from './database-target.js'
import { guardPool } from './guard-pool.js'

interface Client extends EventEmitter {
  query(...args: readonly unknown[]): unknown
}

const ignore = () => {}

/** Milliseconds. */
const END_WAIT = 500

export interface FirstConnection {
  /** Null once the connection was made; until then, a promise to wait for. */
  ready(): Promise<void> | null
  /** Host, database and user, as far as they are known. */
  target(): DatabaseTarget | null
}

/**
 * Opens the first connection of a Kysely instance, to find the `pg` pool behind it, which is guarded, and the host,
 * database and user, for error messages.
 *
 * Kysely hides its pool, and may create it only with the first statement. But a pool emits `acquire` when it hands
 * out a connection. So every connection acquired meanwhile is watched, and ours is the one on which our statement is
 * seen. A pool of `mysql2` handles the errors of its connections itself.
 */
export function firstConnection(db: Kysely<unknown>, dialect: SqlDialect): FirstConnection {
  if (dialect === 'sqlite') {
    const file = engineOf(db)?.file
    return { ready: () => null, target: () => (file === undefined ? null : fileTarget(file)) }
  }
  let done = false
  let connecting: Promise<void> | null = null
  let target: DatabaseTarget | null = null

  async function connect(): Promise<void> {
    const heard = listenForPools()
    try {
      await db.connection().execute(async (on) => {
        heard.stop()
        // A text that no other statement has.
        const statement = `select 1 /* devicehub ${randomUUID()} */`
        const ours = await clientUsedBy(heard.pools, statement, () =>
          on.executeQuery(CompiledQuery.raw(statement)),
        )
        if (ours === null) return
        target = targetOfClient(ours.client)
        if (dialect === 'postgres') guardPool(ours.pool)
      })
      done = true
    } catch (error) {
      // A refused connection emits its end a moment later.
      const giveUpAt = performance.now() + END_WAIT
      while (classify(error) === 'forbidden' && heard.targets.size === 0 && performance.now() < giveUpAt)
        await sleep(5)
      target ??= targetOfFailure(heard.targets, error)
      throw error
    } finally {
      heard.stop()
      connecting = null
    }
  }

  return {
    ready() {
      if (done) return null
      connecting ??= connect()
      return connecting
    },
    target: () => target,
  }
}

type Acquired = Map<Client, EventEmitter>

interface Heard {
  readonly pools: Acquired
  /** Connections that failed or ended, with their error message, if any. */
  readonly targets: Map<DatabaseTarget, string | null>
}

/** Those that listen now: several storages can start at once. */
const listening = new Set<Heard>()
let original = EventEmitter.prototype.emit
/** Stays true when other code has wrapped our wrapper: ours then stays in place. */
let installed = false

function listeningEmit(this: EventEmitter, event: string | symbol, ...values: unknown[]): boolean {
  for (const heard of listening) {
    if (event === 'acquire' && isClient(values[0])) heard.pools.set(values[0], this)
    else if (event === 'end' || event === 'error') {
      const target = isClient(this) ? targetOfClient(this) : null
      if (target !== null) heard.targets.set(target, messageOf(values[0]))
    }
  }
  return original.call(this, event, ...values)
}

/** Records connections that pools hand out, and connections that fail, until `stop`. */
function listenForPools(): Heard & { stop(): void } {
  const heard: Heard = { pools: new Map(), targets: new Map() }
  if (!installed) {
    original = EventEmitter.prototype.emit
    EventEmitter.prototype.emit = listeningEmit
    installed = true
  }
  listening.add(heard)
  return {
    ...heard,
    stop() {
      listening.delete(heard)
      if (listening.size > 0 || EventEmitter.prototype.emit !== listeningEmit) return
      EventEmitter.prototype.emit = original
      installed = false
    },
  }
}

const isClient = (value: unknown): value is Client =>
  value instanceof EventEmitter && typeof (value as Partial<Client>).query === 'function'

const messageOf = (value: unknown): string | null => (value instanceof Error ? value.message : null)

/**
 * Other connections may end at the same time. Ours is the one with the same error text, else one that the text names,
 * else the only one.
 */
function targetOfFailure(
  heard: ReadonlyMap<DatabaseTarget, string | null>,
  error: unknown,
): DatabaseTarget | null {
  const said = messageOf(error) ?? ''
  const all = [...heard]
  const isNamed = (name: string | null) =>
    name !== null && (said.includes(`'${name}'`) || said.includes(`"${name}"`))
  const rules: readonly ((target: DatabaseTarget, words: string | null) => boolean)[] = [
    (_, words) => words === said,
    ({ database, user }) => isNamed(database) || isNamed(user),
    () => true,
  ]
  for (const rule of rules) {
    const fit = all.filter(([target, words]) => rule(target, words)).map(([target]) => target)
    const [only, ...others] = new Map(fit.map((each) => [showTarget(each), each])).values()
    if (only !== undefined) return others.length === 0 ? only : null
  }
  return null
}

interface Used {
  readonly client: Client
  readonly pool: EventEmitter
}

/** The connection that the statement goes through; null: none of those that were heard of. */
async function clientUsedBy(
  pools: Acquired,
  statement: string,
  execute: () => Promise<unknown>,
): Promise<Used | null> {
  const used: Used[] = []
  const undo = Array.from(pools, ([client, pool]) => {
    client.on('error', ignore)
    const unwatch = watchQuery(client, (query) => {
      if (query === statement) used.push({ client, pool })
    })
    return () => {
      unwatch()
      // Ours was connected before its pool is guarded.
      if (used[0]?.client !== client) client.off('error', ignore)
    }
  })
  try {
    await execute()
  } finally {
    for (const each of undo) each()
  }
  return used[0] ?? null
}

type OnQuery = (query: unknown) => void

interface Watch {
  readonly watchers: Set<OnQuery>
  /** Puts `query` back as it was. */
  stop(): void
}

/** Several storages on one pool can begin at once: one wrapper a connection, until the last has seen its statement. */
const watches = new WeakMap<Client, Watch>()

function watchQuery(client: Client, onQuery: OnQuery): () => void {
  const watch = watches.get(client) ?? startWatch(client)
  watch.watchers.add(onQuery)
  return () => {
    watch.watchers.delete(onQuery)
    if (watch.watchers.size === 0) watch.stop()
  }
}

function startWatch(client: Client): Watch {
  const own = Object.getOwnPropertyDescriptor(client, 'query')
  const { query } = client
  const watchers = new Set<OnQuery>()
  function wrapper(this: Client, ...args: unknown[]): unknown {
    for (const onQuery of watchers) onQuery(args[0])
    return query.apply(this, args)
  }
  const stop = () => {
    watches.delete(client)
    // Somebody else has wrapped ours meanwhile: it stays beneath and only passes on.
    if (client.query !== wrapper) return
    if (own === undefined) delete (client as Partial<Client>).query
    else Object.defineProperty(client, 'query', own)
  }
  Object.defineProperty(client, 'query', { configurable: true, writable: true, value: wrapper })
  const watch: Watch = { watchers, stop }
  watches.set(client, watch)
  return watch
}
