import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import { type DeviceHubError, isDeviceHubError, type Storage } from '@devicehub/core'
import type { CommitBatch } from '@devicehub/core/storage'
import { createTcpProxy, describeWith, waitUntil } from '@devicehub/test-kit'
import { Kysely, MysqlDialect, PostgresDialect, sql } from 'kysely'
import mysql from 'mysql2'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { kyselyStorage } from '../kysely-storage.js'
import { batch, device, entry, Station, sample, T0 } from '../testing/rows.js'

const TTL = 2000
const LONG = 600_000

const change = { type: Station, deviceId: 'd', at: T0, lastSeen: T0, status: { value: 'online' as const } }
const entries = [0, 1, 2].map((n) =>
  entry(Station, 'd', [sample('d', { timestamp: T0 + n, sampleId: `s${n}` })], {
    receivedAt: T0 + n,
    correlationId: String(n),
  }),
)
/** Half of it is stored before, so that it is written with care. */
const known = batch(entries.slice(0, 1))

interface Freeze {
  readonly way: string
  readonly one: CommitBatch
  readonly before?: CommitBatch
  /** The last words that do not reach the server any more, and how often they are let through before. */
  readonly at: string
}

/** `COMMIT` is the database's own. */
const FREEZES: readonly Freeze[] = [
  { way: 'plain, before its rows are sent', one: batch(entries), at: 'insert into' },
  { way: 'with changes, before the commit', one: batch(entries, { changes: [change] }), at: 'COMMIT' },
  {
    way: 'with changes, before the devices are looked up',
    one: batch(entries, { changes: [change] }),
    at: 'station_device',
  },
  { way: 'changes alone, before the commit', one: batch([], { changes: [change] }), at: 'COMMIT' },
  { way: 'with care, before the commit', one: batch(entries), before: known, at: 'COMMIT' },
]

describeWith(
  { postgres: { settings: { fsync: 'off' } }, mariadb: { settings: { innodb_flush_log_at_trx_commit: 0 } } },
  'a fenced commit',
  ({ postgres, mariadb }) => {
    const SERVERS = {
      PostgreSQL: {
        server: postgres,
        // NUL: it says `read committed` too.
        commit: 'commit\0',
        open: (connectionString: string, max: number) =>
          new PostgresDialect({ pool: new pg.Pool({ connectionString, max }) }),
      },
      MariaDB: {
        server: mariadb,
        commit: 'commit',
        open: (url: string, max: number) =>
          new MysqlDialect({ pool: mysql.createPool({ uri: url, connectionLimit: max }) }),
      },
    }
    const names = ['PostgreSQL', 'MariaDB'] as const
    const storageOf = (db: Kysely<unknown>): Storage =>
      kyselyStorage({ db, closeDb: true }).open({ types: [Station] })

    const freezes = names.flatMap((name) => FREEZES.map((freeze) => ({ name, ...freeze })))
    test.each([
      ...freezes,
      { name: 'MariaDB' as const, way: 'plain, before the commit', one: batch(entries), at: 'COMMIT' },
    ])(
      'a process frozen in one ($way) does not keep another from taking over, and what it sends later is refused, on $name',
      async ({ name, one, before, at }: Freeze & { readonly name: (typeof names)[number] }) => {
        const { server, open, commit } = SERVERS[name]
        const database = await server().createDatabase()
        const successor = storageOf(new Kysely({ dialect: open(database.url, 4) }))
        await successor.migrate()
        await successor.devices.create(Station, device(Station, 'd'))
        if (before) await successor.commit(before)
        const stored = async () => (await successor.messages.list(Station, {}, { limit: 100 })).items.length
        const already = await stored()

        const lastWords = at === 'COMMIT' ? commit : at
        let armed = false
        let frozen = false
        await using proxy = await createTcpProxy(server().port, {
          onClientData: (chunk) => {
            if (!armed || !chunk.includes(lastWords)) return
            frozen = true
            proxy.toServer('stall')
          },
        })
        const url = database.url.replace(`:${server().port}`, `:${proxy.port}`)
        const holder = storageOf(new Kysely({ dialect: open(url, 2) }))
        const lease = await holder.leases.acquire('slot', 'holder', TTL)
        if (!lease) throw new Error('the lease is not free')
        armed = true
        const committing = holder.commit({ ...one, fences: [lease] }).catch((error: unknown) => error)
        await waitUntil('it to freeze', () => frozen)

        // With TTL long over at the latest: it waits for its expiry, and a little for the server to end the transaction.
        const next = await waitUntil('another one to take over', () =>
          successor.leases.acquire('slot', 'successor', LONG),
        )
        expect(next.epoch).toBeGreaterThan(lease.epoch)
        expect(await stored()).toBe(already)
        // The same messages, sent to the successor: nothing of the frozen transaction is in their way.
        await successor.commit({ ...one, fences: [next] })
        const after = await stored()
        expect(after).toBe(already + one.entries.length)

        armed = false
        proxy.toServer('flow')
        let failure = await committing
        for (
          let attempts = 0;
          isDeviceHubError(failure, 'storage_unavailable') && attempts < 50;
          attempts++
        ) {
          await sleep(20)
          failure = await holder.commit({ ...one, fences: [lease] }).catch((error: unknown) => error)
        }
        expect(isDeviceHubError(failure, 'fenced'), inspect(failure)).toBe(true)
        expect((failure as DeviceHubError).details).toMatchObject({ name: 'slot' })
        expect(await stored()).toBe(after)
        expect((await successor.readings.list(Station, {}, { limit: 100 })).items).toHaveLength(
          one.entries.length,
        )
        await Promise.all([holder.close(), successor.close()])
        await database.drop()
      },
    )

    describe.each(names)('on %s', (name) => {
      test("leaves the user's connection as it was, when it is stored and when it is refused", async () => {
        const { server, open } = SERVERS[name]
        const database = await server().createDatabase()
        const db = new Kysely<unknown>({ dialect: open(database.url, 1) })
        const storage = storageOf(db)
        await storage.migrate()
        await storage.devices.create(Station, device(Station, 'd'))
        const settings = async () => {
          const names = ['idle_in_transaction_session_timeout', 'lock_timeout', 'statement_timeout']
          const { rows } =
            name === 'PostgreSQL'
              ? await sql`select pg_backend_pid() as id, ${sql.join(names.map((one) => sql`current_setting(${one})`))}`.execute(
                  db,
                )
              : await sql`select connection_id(), @@session.wait_timeout, @devicehub_wait_timeout,
                  @@session.sql_mode, @@session.innodb_lock_wait_timeout, @@in_transaction`.execute(db)
          return rows
        }
        const lease = await storage.leases.acquire('slot', 'me', LONG)
        if (!lease) throw new Error('the lease is not free')
        const former = { ...lease, epoch: lease.epoch - 1 }
        await storage.commit(batch([]))
        if (name === 'MariaDB') await sql`set session wait_timeout = 12345`.execute(db)
        const before = await settings()
        for (const changes of [[], [change]])
          for (const fence of [lease, former, lease]) {
            const committed = await storage
              .commit(batch(entries, { fences: [fence], changes }))
              .catch((error: unknown) => error)
            expect(isDeviceHubError(committed, 'fenced')).toBe(fence === former)
            expect(await settings()).toEqual(before)
          }
        const failure = {
          ref: { typeKey: 'station', id: '1' },
          deviceId: 'd',
          error: 'e',
          attempts: 1,
          failedAt: T0,
        }
        await storage.consumers.open({ name: 'c', epoch: 1, typeKeys: ['station'], cursor: null, now: T0 })
        const step = { name: 'c', epoch: 1, from: null, to: 'x', passed: 1, setAside: [failure], now: T0 }
        expect([await storage.consumers.advance(step), await storage.consumers.advance(step)]).toEqual([
          true,
          false,
        ])
        expect(await settings()).toEqual(before)
        await storage.close()
        await database.drop()
      })
    })
  },
)
