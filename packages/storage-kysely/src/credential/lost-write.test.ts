import { isDeviceHubError } from '@devicehub/core'
import type { CredentialWrite } from '@devicehub/core/storage'
import { createTcpProxy, describeWith, waitUntil } from '@devicehub/test-kit'
import { Kysely, MysqlDialect, PostgresDialect } from 'kysely'
import mysql from 'mysql2'
import pg from 'pg'
import { expect, test } from 'vitest'
import { kyselyStorage } from '../kysely-storage.js'
import { device, Station, T0 } from '../testing/rows.js'

const write = (id: string): CredentialWrite => ({
  type: Station,
  deviceId: 'd',
  create: device(Station, 'd'),
  onlyNew: false,
  retire: { kinds: ['password'], at: T0 + 60 },
  add: [{ id, kind: 'password', lookup: 'user', hash: `hash of ${id}`, createdAt: T0, expiresAt: null }],
  username: 'user',
  now: T0,
})

describeWith(['postgres', 'mariadb'], 'credentials whose answer is lost', ({ postgres, mariadb }) => {
  const open = {
    PostgreSQL: (connectionString: string) =>
      new PostgresDialect({ pool: new pg.Pool({ connectionString, max: 2 }) }),
    MariaDB: (url: string) => new MysqlDialect({ pool: mysql.createPool(url) }),
  }

  test.each(['PostgreSQL', 'MariaDB'] as const)(
    'were issued: `storage_unavailable`, and the same write again adds nothing and retires nothing, on %s',
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
      await storage.credentials.write([write('first')])
      const stored = async () =>
        Number(await server.sql('select count(*) from devicehub_credential', database.name))

      // NUL: it says `read committed` too.
      lastWords = name === 'MariaDB' ? 'commit' : 'commit\0'
      const writing = storage.credentials.write([write('second')]).catch((error: unknown) => error)
      await waitUntil('the credentials to be stored', async () => (await stored()) === 2)
      lastWords = null
      proxy.cut()
      proxy.toClient('flow')
      const failure = await writing
      expect(isDeviceHubError(failure, 'storage_unavailable'), String(failure)).toBe(true)

      await waitUntil('the write to succeed', async () =>
        storage.credentials.write([write('second')]).then(
          () => true,
          (error: unknown) => {
            if (!isDeviceHubError(error, 'storage_unavailable')) throw error
            return false
          },
        ),
      )
      const records = await storage.credentials.ofDevices(Station, ['d'])
      expect(Object.fromEntries(records.map(({ id, expiresAt }) => [id, expiresAt]))).toEqual({
        first: T0 + 60,
        second: null,
      })
      await storage.close()
      await database.drop()
    },
  )
})
