import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describeWith } from '@devicehub/test-kit'
import { Kysely, MysqlDialect, PostgresDialect } from 'kysely'
import mysql from 'mysql2'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { kyselyStorage } from '../kysely-storage.js'
import { sqliteDialect } from '../sqlite/sqlite-dialect.js'
import { LARGE, Probe, storeLarge } from '../testing/large-rows.js'

const root = fileURLToPath(new URL('../../../..', import.meta.url))
const script = fileURLToPath(new URL('../testing/small-heap-process.ts', import.meta.url))
/** MiB, of each thread; the rows are 150 MB. */
const HEAP = 112

/** What the process saw: the number of rows by what it read. It goes no further than what its heap holds. */
async function inSmallHeap(where: string): Promise<Record<string, unknown>> {
  const child = spawn(process.execPath, [`--max-old-space-size=${HEAP}`, '--import', 'tsx', script, where], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'ignore', 'ipc'],
  })
  const seen: Record<string, unknown> = {}
  child.on('message', ([what, rows]: [string, number]) => {
    seen[what] = rows
  })
  try {
    const [code, signal] = await once(child, 'close')
    return { ...seen, ended: code ?? signal }
  } finally {
    child.kill('SIGKILL')
  }
}

interface Place {
  readonly where: string
  connect(): Kysely<unknown>
  cleanup(): Promise<void>
}

function tests(open: () => Promise<Place>): void {
  let place: Place | undefined
  beforeAll(async () => {
    place = await open()
    const storage = kyselyStorage({ db: place.connect(), closeDb: true }).open({ types: [Probe] })
    await storage.migrate()
    await storeLarge(storage)
    await storage.close()
  })
  afterAll(() => place?.cleanup())

  test('invariant 5: readings, messages and the log of a device that sends large rows are read by a process whose heap does not hold them', async () => {
    const rows = LARGE.rows + 1
    expect(await inSmallHeap(place?.where ?? '')).toEqual({
      readings: rows,
      messages: rows,
      consumer: rows,
      ended: 0,
    })
  })
}

describeWith(['sqlite'], 'large rows on SQLite', () => {
  tests(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'devicehub-large-'))
    const where = join(folder, 'test.db')
    return {
      where,
      connect: () => new Kysely({ dialect: sqliteDialect({ file: where }) }),
      cleanup: () => rm(folder, { recursive: true }),
    }
  })
})
describeWith({ postgres: { settings: { fsync: 'off' } } }, 'large rows on PostgreSQL', ({ postgres }) => {
  tests(async () => {
    const { url, drop } = await postgres().createDatabase()
    const pool = () => new pg.Pool({ connectionString: url })
    return {
      where: url,
      connect: () => new Kysely({ dialect: new PostgresDialect({ pool: pool() }) }),
      cleanup: drop,
    }
  })
})
describeWith(
  { mariadb: { settings: { innodb_flush_log_at_trx_commit: 0 } } },
  'large rows on MariaDB',
  ({ mariadb }) => {
    tests(async () => {
      const { url, drop } = await mariadb().createDatabase()
      return {
        where: url,
        connect: () => new Kysely({ dialect: new MysqlDialect({ pool: mysql.createPool(url) }) }),
        cleanup: drop,
      }
    })
  },
)
