import { setTimeout as sleep } from 'node:timers/promises'
import { type RawBuilder, sql } from 'kysely'
import { expect, test } from 'vitest'
import { databaseNow } from '../connection/database-clock.js'
import { detectDialect } from '../connection/detect-dialect.js'
import { numberSql } from '../connection/number-sql.js'
import { kyselyStorage } from '../kysely-storage.js'
import { describeDatabases } from '../testing/describe-databases.js'

const TTL = 600_000
/** How far apart the clocks of the test and of a database on the same machine may seem on a slow one. */
const NEAR = 60_000

describeDatabases("a lease and the database's clock", (openDatabase) => {
  async function opened() {
    const { connect, cleanup } = await openDatabase()
    const db = connect()
    const storage = kyselyStorage({ db, closeDb: true }).open({ types: [] })
    await storage.migrate()
    return {
      storage,
      db,
      execute: (query: RawBuilder<unknown>) => query.execute(db),
      async [Symbol.asyncDispose]() {
        await storage.close()
        await cleanup()
      },
    }
  }

  test('it is epoch milliseconds, whatever the time zone of the session', async () => {
    await using database = await opened()
    const { db, execute } = database
    const dialect = detectDialect(db)
    const zones = { sqlite: [], postgres: ['+11', '-9'], mysql: ['+11:00', '-09:00'] }[dialect]
    await db.connection().execute(async (on) => {
      for (const zone of [null, ...zones]) {
        if (zone !== null)
          await sql.raw(`set ${dialect === 'postgres' ? 'time zone' : 'time_zone ='} '${zone}'`).execute(on)
        const { rows } = await sql<{ now: unknown }>`select ${databaseNow(dialect)} as now`.execute(on)
        expect(Math.abs(Number(rows[0]?.now) - Date.now())).toBeLessThan(NEAR)
      }
    })
    await execute(sql`select 1`)
  })

  test('a lease from before the clock was set back counts as expired, and another holder gets it', async () => {
    await using database = await opened()
    const { storage, execute } = database
    const lease = await storage.leases.acquire('slot', 'me', TTL)
    if (!lease) throw new Error('the lease is not free')
    // As the row looks once the clock has gone back by just less than its ttl: still held.
    await execute(sql`update devicehub_lease set expires_at = expires_at + ${numberSql(TTL - NEAR)}`)
    expect(await storage.leases.acquire('slot', 'another', TTL)).toBeNull()
    expect(await storage.leases.find(['slot'])).toMatchObject([{ holder: 'me' }])
    // And by a day.
    await execute(sql`update devicehub_lease set expires_at = expires_at + 86400000`)
    expect(await storage.leases.find(['slot'])).toMatchObject([{ holder: null, expiresIn: 0 }])
    const next = await storage.leases.acquire('slot', 'another', TTL)
    expect(next?.epoch).toBeGreaterThan(lease.epoch)
    expect(await storage.leases.renew(lease, TTL)).toBe(false)
  })

  test('a holder that renews it after the clock was set back keeps it', async () => {
    await using database = await opened()
    const { storage, execute } = database
    const lease = await storage.leases.acquire('slot', 'me', TTL)
    if (!lease) throw new Error('the lease is not free')
    await execute(sql`update devicehub_lease set expires_at = expires_at + 86400000`)
    expect(await storage.leases.renew(lease, TTL)).toBe(true)
    const [state] = await storage.leases.find(['slot'])
    expect(state).toMatchObject({ holder: 'me', epoch: lease.epoch })
    expect(state?.expiresIn).toBeLessThanOrEqual(TTL)
    expect(await storage.leases.acquire('slot', 'another', TTL)).toBeNull()
  })

  test('a row whose process died before it acquired the lease is free, and not listed', async () => {
    await using database = await opened()
    const { storage, execute } = database
    await execute(
      sql`insert into devicehub_lease (name, holder, epoch, ttl, expires_at) values ('slot', '', 0, 0, 0)`,
    )
    expect(await storage.leases.find(['slot'])).toEqual([])
    expect(await storage.leases.acquire('slot', 'me', TTL)).toMatchObject({ holder: 'me', epoch: 1 })
  })
})

describeDatabases('acquiring a lease that is locked', (openDatabase) => {
  test('goes by the time after the wait, not by the time it began', async () => {
    const { connect, cleanup } = await openDatabase()
    const [one, two] = [connect(), connect()]
    const dialect = detectDialect(one)
    const holder = kyselyStorage({ db: one, closeDb: true }).open({ types: [] })
    const other = kyselyStorage({ db: two, closeDb: true }).open({ types: [] })
    await holder.migrate()
    // Expired, so that it is to be had at first sight; then its holder renews it after all.
    await holder.leases.acquire('slot', 'me', 1)
    await sleep(20)
    let acquired: Promise<unknown> | undefined
    await one.connection().execute(async (on) => {
      await sql.raw(dialect === 'sqlite' ? 'begin immediate' : 'start transaction').execute(on)
      await sql`update devicehub_lease set note = 'locked' where name = 'slot'`.execute(on)
      acquired = other.leases.acquire('slot', 'another', 60_000)
      await sleep(2000)
      // Just below twice its ttl from now, and more than that from when the call began.
      await sql`update devicehub_lease set ttl = 60000, expires_at = ${databaseNow(dialect)} + 119000`.execute(
        on,
      )
      await sql.raw('commit').execute(on)
    })
    expect(await acquired).toBeNull()
    await holder.close()
    await other.close()
    await cleanup()
  })
})
