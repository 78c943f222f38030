import { type ChildProcess, spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { describeWith } from '@devicehub/test-kit'
import { Kysely, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import { expect, test } from 'vitest'
import { kyselyStorage } from '../kysely-storage.js'
import { mariadbDatabase, postgresDatabase } from '../testing/open-database.js'
import { Station } from '../testing/rows.js'
import { firstConnection } from './first-connection.js'
import { guardPool } from './guard-pool.js'
import { numberSql } from './number-sql.js'

const root = fileURLToPath(new URL('../../../..', import.meta.url))
const script = fileURLToPath(new URL('../testing/idle-process.ts', import.meta.url))
const WAIT = { timeout: 60_000, interval: 20 }

const start = (url: string, how: string): ChildProcess =>
  spawn(process.execPath, ['--import', 'tsx', script, url, how], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })

/** Lets the process work, kills its idle connections, lets it work on; twice. */
async function survives(child: ChildProcess, kill: () => Promise<number>): Promise<void> {
  const next = async () => {
    const [answer] = await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(([code]) => [`the process ended with ${code}`]),
    ])
    return answer as unknown
  }
  try {
    expect(await next()).toBe('ready')
    for (const round of [1, 2]) {
      child.send(round)
      expect(await next()).toBe(round)
      let killed = 0
      await expect.poll(async () => (killed += await kill()), WAIT).toBeGreaterThan(0)
      expect(await Promise.race([once(child, 'exit'), sleep(300, 'lives')])).toBe('lives')
    }
    child.send(3)
    expect(await next()).toBe(3)
  } finally {
    child.kill('SIGKILL')
  }
}

describeWith(
  { postgres: { settings: { fsync: 'off' } } },
  'a pool of pg that nobody guards',
  ({ postgres }) => {
    const killIdle = (url: string) => async () => {
      const client = new pg.Client({ connectionString: url })
      await client.connect()
      const { rowCount } = await client.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and state = 'idle' and pid <> pg_backend_pid()",
      )
      await client.end()
      return rowCount ?? 0
    }

    test.each(['pool', 'function'])(
      'does not end the process when idle backends are killed, and works on (given as a %s)',
      async (how) => {
        const { url, drop } = await postgres().createDatabase()
        await survives(start(url, how), killIdle(url))
        await drop()
      },
    )

    test('is the only one that is touched, among several that are used at once', async () => {
      const database = await postgresDatabase(postgres())
      const { url, drop } = await postgres().createDatabase()
      const [ours, other] = [1, 2].map(() => new pg.Pool({ connectionString: url, max: 2 })) as [
        pg.Pool,
        pg.Pool,
      ]
      const { emit } = EventEmitter.prototype
      const use = async () => {
        for (let n = 0; n < 50; n++) await other.query('select 1')
      }
      const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool: ours }) })
      const storages = [1, 2, 3].map(() => kyselyStorage({ db }).open({ types: [Station] }))
      await Promise.all([use(), storages[0]?.migrate(), ...storages.map((storage) => storage.plan()), use()])
      await Promise.all(storages.map((storage) => storage.devices.find(Station, ['x'])))
      expect(ours.listenerCount('error')).toBe(1)
      expect(other.listenerCount('error')).toBe(0)
      expect(EventEmitter.prototype.emit).toBe(emit)
      const client = await ours.connect()
      expect(Object.hasOwn(client, 'query')).toBe(false)
      client.release()
      // The server ends what has not left yet when its database is dropped: the unguarded pool must not fail for it.
      other.on('error', () => {})
      await Promise.all([db.destroy(), other.end()])
      await drop()
      await database.cleanup()
    })

    test('is guarded once the database can be reached, when it could not at first', async () => {
      const { url, drop } = await postgres().createDatabase()
      const pools: pg.Pool[] = []
      const pool = async () => {
        if (pools.push(new pg.Pool({ connectionString: url })) === 1) throw new Error('connect ECONNREFUSED')
        return pools.at(-1) as pg.Pool
      }
      const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) })
      const guard = firstConnection(db, 'postgres').ready
      const { emit } = EventEmitter.prototype
      await expect(guard()).rejects.toThrow('ECONNREFUSED')
      expect(EventEmitter.prototype.emit).toBe(emit)
      await guard()
      expect(guard()).toBeNull()
      expect(pools[1]?.listenerCount('error')).toBe(1)
      expect((await sql`select 1 as one`.execute(db)).rows).toEqual([{ one: 1 }])
      await db.destroy()
      await pools[0]?.end()
      await drop()
    })

    test('can be guarded by hand before, which tells of the errors', async () => {
      const { url, drop } = await postgres().createDatabase()
      const errors: Error[] = []
      const pool = guardPool(new pg.Pool({ connectionString: url }), (error) => errors.push(error))
      const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) })
      await kyselyStorage({ db })
        .open({ types: [Station] })
        .migrate()
      expect(pool.listenerCount('error')).toBe(1)
      await killIdle(url)()
      await expect.poll(() => errors.length, WAIT).toBeGreaterThan(0)
      await db.destroy()
      await drop()
    })
  },
)

describeWith({ mariadb: {} }, 'a pool of mysql2', ({ mariadb }) => {
  test('does not end the process either when idle connections are killed', async () => {
    const { url, drop } = await mariadb().createDatabase()
    const admin = (await mariadbDatabase(mariadb())).connect()
    await survives(start(url, 'mysql'), async () => {
      const { rows } = await sql<{ id: number }>`
        select id from information_schema.processlist where command = 'Sleep' and db = ${new URL(url).pathname.slice(1)}`.execute(
        admin,
      )
      for (const { id } of rows) await sql`kill ${numberSql(Number(id))}`.execute(admin)
      return rows.length
    })
    await admin.destroy()
    await drop()
  })
})
