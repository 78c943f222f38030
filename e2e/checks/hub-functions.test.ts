import { memoryStorage, type StorageAdapter } from '@devicehub/core'
import { kyselyStorage, sqliteDialect } from '@devicehub/storage-kysely'
import { describeWith } from '@devicehub/test-kit'
import { Kysely, MysqlDialect, PostgresDialect } from 'kysely'
import mysql from 'mysql2'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { SEED } from './attack.js'
import { hubHandles } from './calls/core-handles.js'
import { createWorld } from './calls/world.js'
import { assertCovered, attack } from './coverage.js'

interface Opened {
  readonly adapter: StorageAdapter
  cleanup(): Promise<void>
}

/** Every function of a hub, and of what it gives back, on one kind of storage. */
function hubFunctions(
  title: string,
  open: () => Promise<Opened>,
  { runs, everyArgument = false }: { runs: number; everyArgument?: boolean },
): void {
  test(`${title}: whatever a hub is given, it gives a result or a DeviceHubError`, async () => {
    const { adapter, cleanup } = await open()
    const world = await createWorld(adapter)
    const waiting: Promise<unknown>[] = []
    const problems: string[] = []
    let covered = 0
    for (const subject of await hubHandles(world)) {
      covered += assertCovered(subject)
      problems.push(...(await attack(subject, { runs, waiting, everyArgument })))
    }
    await world.hub.close({ timeout: '100ms' })
    // What waited for a device ends with the hub.
    await Promise.all(waiting)
    await cleanup()
    process.stdout.write(`${title}: functions of a hub covered: ${covered}, seed ${SEED}\n`)
    expect(problems.join('\n\n')).toBe('')
    expect(covered).toBeGreaterThan(100)
  })
}

/** Of a database it is asked what it makes of what the checks let through. */
const FEW = { runs: 12 }

const databaseOf = (db: Kysely<unknown>, drop: () => Promise<void>): Opened => ({
  adapter: kyselyStorage({ db }),
  async cleanup() {
    await db.destroy()
    await drop()
  },
})

describe('in this process', () => {
  // The checks are the same for all storages, and come before them.
  hubFunctions('memory', async () => ({ adapter: memoryStorage(), cleanup: async () => {} }), {
    runs: 40,
    everyArgument: true,
  })
})

describeWith(['sqlite'], 'on SQLite', () =>
  hubFunctions(
    'SQLite',
    async () => databaseOf(new Kysely({ dialect: sqliteDialect({ file: ':memory:' }) }), async () => {}),
    FEW,
  ),
)

// Nothing here outlives its test: durability would only cost time.
describeWith({ postgres: { settings: { fsync: 'off' } } }, 'on PostgreSQL', ({ postgres }) =>
  hubFunctions(
    'PostgreSQL',
    async () => {
      const { url, drop } = await postgres().createDatabase()
      const pool = new pg.Pool({ connectionString: url, max: 8 })
      return databaseOf(new Kysely({ dialect: new PostgresDialect({ pool }) }), drop)
    },
    FEW,
  ),
)

describeWith({ mariadb: { settings: { innodb_flush_log_at_trx_commit: 0 } } }, 'on MariaDB', ({ mariadb }) =>
  hubFunctions(
    'MariaDB',
    async () => {
      const { url, drop } = await mariadb().createDatabase()
      return databaseOf(new Kysely({ dialect: new MysqlDialect({ pool: mysql.createPool(url) }) }), drop)
    },
    FEW,
  ),
)
