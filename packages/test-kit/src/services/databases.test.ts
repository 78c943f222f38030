import { expect, it } from 'vitest'
import { describeWith } from './describe-with.js'
import { hasExtension } from './postgres.js'

describeWith(['postgres'], 'startPostgres', ({ postgres }) => {
  it('is durable by default', async () => {
    const settings = ['fsync', 'synchronous_commit', 'full_page_writes'].map((name) =>
      postgres().sql(`SHOW ${name}`),
    )
    expect(await Promise.all(settings)).toEqual(['on', 'on', 'on'])
  })

  it('stores UTF-8 and reports errors of SQL', async () => {
    expect(await postgres().sql(`SELECT 'Grüße 温度', 2`)).toBe('Grüße 温度\t2')
    await expect(postgres().sql('SELECT nothing')).rejects.toThrow('column "nothing" does not exist')
  })

  it('knows which extensions the server offers', async () => {
    expect(await hasExtension(postgres(), 'plpgsql')).toBe(true)
    expect(await hasExtension(postgres(), `no such ' one`)).toBe(false)
  })

  it('drops a database that somebody still uses', async () => {
    const database = await postgres().createDatabase()
    const sleeping = expect(postgres().sql('SELECT pg_sleep(600)', database.name)).rejects.toThrow()
    const connected = `SELECT count(*) FROM pg_stat_activity WHERE datname = '${database.name}'`
    await expect.poll(() => postgres().sql(connected), { timeout: 60_000 }).toBe('1')
    await database.drop()
    await sleeping
  })
})

describeWith(
  { postgres: { settings: { max_connections: 17 } } },
  'settings of PostgreSQL',
  ({ postgres }) => {
    it('are passed on', async () => expect(await postgres().sql('SHOW max_connections')).toBe('17'))
  },
)

describeWith(['timescaledb'], 'PostgreSQL with TimescaleDB', ({ timescaledb }) => {
  it('makes a hypertable', async () => {
    const database = await timescaledb().createDatabase()
    const statements = [
      'CREATE EXTENSION timescaledb',
      'CREATE TABLE t (at timestamptz NOT NULL)',
      `SELECT count(*) FROM create_hypertable('t', 'at')`,
    ]
    expect(await timescaledb().sql(`${statements.join(';\n')};`, database.name)).toContain('1')
  })
})

describeWith({ mariadb: { settings: { innodb_lock_wait_timeout: 3 } } }, 'startMariadb', ({ mariadb }) => {
  it('is durable by default, and settings are passed on', async () => {
    const values = '@@innodb_flush_log_at_trx_commit, @@innodb_doublewrite, @@innodb_lock_wait_timeout'
    expect(await mariadb().sql(`SELECT ${values}`)).toBe('1\t1\t3')
  })

  it('stores UTF-8, and gives databases that do not see each other', async () => {
    expect(await mariadb().sql(`SELECT 'Grüße 🌡'`)).toBe('Grüße 🌡')
    const database = await mariadb().createDatabase()
    await mariadb().sql('CREATE TABLE t (x INT)', database.name)
    expect(await mariadb().sql('SHOW TABLES', (await mariadb().createDatabase()).name)).toBe('')
    await database.drop()
    await expect(mariadb().sql('SELECT 1', database.name)).rejects.toThrow('Unknown database')
  })
})
