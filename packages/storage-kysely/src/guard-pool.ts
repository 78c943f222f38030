import type { EventEmitter } from 'node:events'

/**
 * Keeps a lost database from ending the process. A pool of `pg` emits `error` for an idle connection that breaks, and
 * the connection itself emits one while it is in use; without a listener Node ends the process for either. The statement
 * that ran fails all the same, and the storage answers `storage_unavailable` until the database is back.
 *
 * @example
 * const pool = guardPool(new pg.Pool({ connectionString, max: 4 }), (error) => logger.warn({ err: error }, 'connection lost'))
 */
export function guardPool<Pool extends EventEmitter>(
  pool: Pool,
  onError: (error: Error) => void = () => {},
): Pool {
  pool.on('error', onError)
  // `error` of the pool is emitted for this one too once it is idle: the second listener has nothing to report.
  pool.on('connect', (client: EventEmitter) => client.on('error', () => {}))
  return pool
}
