import type { EventEmitter } from 'node:events'
import * as check from '@devicehub/core/check'

const POOL = check.port<EventEmitter>('a pool of pg: new pg.Pool({ connectionString })', 'on', 'emit')

/** On a pool that is guarded already. Registered: the ESM and the CommonJS copy of this package may both be loaded. */
const GUARDED = Symbol.for('@devicehub/storage-kysely/guarded')

const ignore = () => {}

/**
 * Keeps a lost connection from ending the process. A pool of `pg` emits `error` for an idle connection that breaks,
 * and the connection emits one while it is in use; without a listener Node ends the process. The statement that was
 * running still fails.
 *
 * `kyselyStorage` calls it with its first statement, for the pool of its Kysely instance. Call it yourself for a pool
 * that is used before that, or to log the errors. Returns the pool; `onError` does nothing by default.
 *
 * @example
 * import { guardPool } from '@devicehub/storage-kysely'
 * import pg from 'pg'
 *
 * const pool = guardPool(new pg.Pool({ max: 4 }), (error) => console.warn('connection lost', error))
 */
export function guardPool<Pool extends EventEmitter>(
  pool: Pool,
  onError: (error: Error) => void = ignore,
): Pool {
  check.accept('guardPool', 'pool', POOL, pool)
  check.accept('guardPool', 'onError', check.callback(), onError)
  const known = pool as Pool & { [GUARDED]?: true }
  if (known[GUARDED] === true && onError === ignore) return pool
  pool.on('error', onError)
  if (known[GUARDED] === true) return pool
  Object.defineProperty(pool, GUARDED, { value: true })
  const clients = new WeakSet<EventEmitter>()
  // `error` of the pool is emitted for this one too once it is idle: the second listener has nothing to report.
  const guardClient = (client: EventEmitter) => {
    if (clients.has(client)) return
    clients.add(client)
    client.on('error', ignore)
  }
  pool.on('connect', guardClient)
  // One that was connected before.
  pool.on('acquire', guardClient)
  pool.on('release', (_error: unknown, client: EventEmitter) => closeIfStuck(client))
  return pool
}

interface PgClient {
  readonly _activeQuery?: unknown
  readonly activeQuery?: unknown
  readonly connection?: { readonly stream?: { destroy?(): void } }
}

/**
 * Closes a connection that is released while a statement still runs on it, because `query_timeout` is over: the next
 * user would have to wait behind that statement.
 */
function closeIfStuck(client: EventEmitter): void {
  const { connection, ...rest } = client as EventEmitter & PgClient
  // `activeQuery` warns since pg 8.16.
  const running = '_activeQuery' in client ? rest._activeQuery : rest.activeQuery
  if (running != null) connection?.stream?.destroy?.()
}
