import { setTimeout as sleep } from 'node:timers/promises'
import { isDeviceHubError, type Page, type Storage } from '@devicehub/core'
import type { CommitBatch, CommitResult, PageRequest } from '@devicehub/core/storage'
import { createTcpProxy, describeWith, waitUntil } from '@devicehub/test-kit'
import { Kysely, MysqlDialect, PostgresDialect } from 'kysely'
import mysql from 'mysql2'
import pg from 'pg'
import { expect, test } from 'vitest'
import { kyselyStorage } from '../kysely-storage.js'
import { batch, device, entry, Station, sample, T0 } from '../testing/rows.js'

/** As the hub does: again until the database has it. */
async function commitUntilStored(
  storage: Storage,
  one: CommitBatch,
  failures: unknown[] = [],
): Promise<CommitResult> {
  for (;;)
    try {
      return await storage.commit(one)
    } catch (error) {
      failures.push(error)
      if (!isDeviceHubError(error, 'storage_unavailable')) throw error
      await sleep(20)
    }
}

/** A page is bounded in bytes too, and a fast machine stores more than fits in one. */
async function everyItem<T>(list: (page: PageRequest) => Promise<Page<T>>): Promise<T[]> {
  const items: T[] = []
  let cursor: string | undefined
  do {
    const page = await list({ limit: 5_000, cursor })
    items.push(...page.items)
    cursor = page.cursor ?? undefined
  } while (cursor !== undefined)
  return items
}

const batchOf = (number: number, size = 20): CommitBatch =>
  batch(
    Array.from({ length: size }, (_, index) =>
      // Without identities: only the storage itself can keep these from being stored twice.
      entry(
        Station,
        'd',
        [sample('d', { timestamp: T0 + number }, [null, number * size + index, null, null])],
        {
          receivedAt: T0 + number,
          processedAt: T0 + number,
          correlationId: String(number * size + index),
        },
      ),
    ),
  )

describeWith({ postgres: {} }, 'PostgreSQL behind a network that swallows', ({ postgres }) => {
  test('is reached on new connections after the time limit of the pool, and has stored everything once', async () => {
    const { url, drop } = await postgres().createDatabase()
    const target = new URL(url)
    let opened = -1
    // Connections up to this one are dead without a sign: what either end sends is thrown away.
    let dead = -1
    await using proxy = await createTcpProxy(Number(target.port), {
      onClientData: (_, connection) => {
        opened = Math.max(opened, connection)
        return connection > dead
      },
      onServerData: (_, connection) => connection > dead,
    })
    target.port = String(proxy.port)
    const pool = new pg.Pool({ connectionString: target.href, max: 2, query_timeout: 500 })
    const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) })
    const storage = kyselyStorage({ db, closeDb: true }).open({ types: [Station] })
    await storage.migrate()
    const failures: unknown[] = []
    await commitUntilStored(storage, batchOf(0), failures)
    expect(failures).toEqual([])
    dead = opened
    const alive = pool.totalCount
    expect(alive).toBeGreaterThan(0)
    await commitUntilStored(storage, batchOf(1), failures)
    // One for each connection that was dead: none of them is handed out twice.
    expect(failures.length).toBeGreaterThan(0)
    expect(failures.length).toBeLessThanOrEqual(alive)
    expect(opened).toBeGreaterThan(dead)
    const { items } = await storage.readings.list(Station, { order: 'asc' }, { limit: 1_000 })
    expect(items.map(({ values }) => Number(values[1])).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 40 }, (_, number) => number),
    )
    await storage.close()
    await drop()
  })
})

describeWith({ postgres: 'own' }, 'PostgreSQL', ({ postgres }) => {
  test('invariant 1: is killed in mid-commit again and again: storage_unavailable, then all is stored, once', async () => {
    await using server = await postgres.start()
    const { url } = await server.createDatabase()
    const pool = new pg.Pool({ connectionString: url, max: 3 })
    const storage = kyselyStorage({
      db: new Kysely({ dialect: new PostgresDialect({ pool }) }),
      closeDb: true,
    }).open({
      types: [Station],
    })
    await storage.migrate()
    const failures: unknown[] = []
    let killing = true
    const kills = (async () => {
      for (let round = 0; round < 4; round++) {
        await sleep(60 + 40 * round)
        await server.kill()
        await server.restart()
      }
      killing = false
    })()
    let batches = 0
    while (killing || batches < 20) {
      await commitUntilStored(storage, batchOf(batches), failures)
      batches++
    }
    await kills
    expect(failures.length).toBeGreaterThan(0)
    const items = await everyItem((page) => storage.readings.list(Station, { order: 'asc' }, page))
    const expected = Array.from({ length: batches * 20 }, (_, number) => number)
    expect(items.map(({ values }) => Number(values[1])).sort((a, b) => a - b)).toEqual(expected)
    const messages = await everyItem((page) => storage.messages.list(Station, {}, page))
    expect(messages.map(({ correlationId }) => Number(correlationId)).sort((a, b) => a - b)).toEqual(expected)
    await storage.close()
  })
})

describeWith(['postgres', 'mariadb'], 'an answer that is lost', ({ postgres, mariadb }) => {
  const open = {
    PostgreSQL: (connectionString: string) =>
      new PostgresDialect({ pool: new pg.Pool({ connectionString, max: 2 }) }),
    MariaDB: (url: string) => new MysqlDialect({ pool: mysql.createPool(url) }),
  }

  test.each(['PostgreSQL', 'MariaDB'] as const)(
    'invariant 2: the commit was stored, its answer never came, and the batch is sent again: stored once, on %s',
    async (name) => {
      const server = name === 'PostgreSQL' ? postgres() : mariadb()
      const database = await server.createDatabase()
      let lastWords: string | null = null
      await using proxy = await createTcpProxy(server.port, {
        onClientData: (chunk) => {
          if (lastWords !== null && chunk.includes(lastWords)) proxy.toClient('drop')
        },
      })
      const dialect = open[name](database.url.replace(`:${server.port}`, `:${proxy.port}`))
      const storage = kyselyStorage({ db: new Kysely({ dialect }), closeDb: true }).open({ types: [Station] })
      await storage.migrate()
      await storage.devices.create(Station, device(Station, 'd'))
      const stored = async () =>
        Number(await server.sql('select count(*) from station_message', database.name))
      const change = {
        type: Station,
        deviceId: 'd',
        at: T0,
        lastSeen: T0,
        status: { value: 'online' as const },
      }

      for (const [number, changes] of [[], [change]].entries()) {
        const one = { ...batchOf(number), changes }
        const before = await stored()
        // Alone, PostgreSQL's statement is its own transaction. NUL: it says `read committed` too.
        lastWords = name === 'MariaDB' ? 'commit' : changes.length === 0 ? 'insert into' : 'commit\0'
        const committing = storage.commit(one).catch((error: unknown) => error)
        await waitUntil('the commit to be stored', async () => (await stored()) > before)
        lastWords = null
        proxy.cut()
        proxy.toClient('flow')
        const failure = await committing
        expect(isDeviceHubError(failure, 'storage_unavailable'), String(failure)).toBe(true)

        // The hub plans it anew, with another time of processing.
        const again = one.entries.map((e) => ({ ...e, message: { ...e.message, processedAt: T0 + 999 } }))
        const result = await commitUntilStored(storage, { ...one, entries: again })
        expect(result.transitions.map(({ to }) => to)).toEqual(changes.map(() => 'online'))
      }
      expect((await storage.messages.list(Station, {}, { limit: 1000 })).items).toHaveLength(40)
      expect((await storage.readings.list(Station, {}, { limit: 1000 })).items).toHaveLength(40)
      await storage.close()
      await database.drop()
    },
  )
})
