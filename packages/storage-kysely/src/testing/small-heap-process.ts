import { createDeviceHub } from '@devicehub/core'
import { Kysely, MysqlDialect, PostgresDialect } from 'kysely'
import mysql from 'mysql2'
import pg from 'pg'
import { kyselyStorage } from '../kysely-storage.js'
import { sqliteDialect } from '../sqlite/sqlite-dialect.js'
import { LARGE, Probe } from './large-rows.js'

// Run as a process of its own, with a heap that does not hold what the database does.
const [where = ''] = process.argv.slice(2)
const dialect = where.startsWith('postgres')
  ? new PostgresDialect({ pool: new pg.Pool({ connectionString: where }) })
  : where.startsWith('mysql')
    ? new MysqlDialect({ pool: mysql.createPool(where) })
    : sqliteDialect({ file: where })
const hub = createDeviceHub({
  types: [Probe],
  storage: kyselyStorage({ db: new Kysely({ dialect }), closeDb: true }),
})

type List = (cursor: string | undefined) => Promise<{ items: readonly unknown[]; cursor: string | null }>

const LISTS: Readonly<Record<string, List>> = {
  readings: (cursor) => hub.readings.list(Probe, { limit: 1000, cursor }),
  messages: (cursor) => hub.messages.list(Probe, { limit: 1000, cursor }),
}

async function countAll(list: List): Promise<number> {
  let count = 0
  for (let cursor: string | undefined; ; ) {
    const page = await list(cursor)
    count += page.items.length
    if (page.cursor === null) return count
    cursor = page.cursor
  }
}

/** Until the message of the device that waits behind the large ones. */
const consumed = () =>
  new Promise<number>((resolve) => {
    let count = 0
    hub.consume('small', { from: 'beginning' }, ({ messages }) => {
      count += messages.length
      if (messages.some(({ deviceId }) => deviceId === LARGE.behind)) resolve(count)
    })
  })

// One process for all three: starting it is most of the work.
for (const [what, list] of Object.entries(LISTS)) process.send?.([what, await countAll(list)])
process.send?.(['consumer', await consumed()])
await hub.close()
process.disconnect?.()
