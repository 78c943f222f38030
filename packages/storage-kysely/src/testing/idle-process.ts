import { createDeviceHub, defineDeviceType, reading } from '@devicehub/core'
import { Kysely, MysqlDialect, PostgresDialect } from 'kysely'
import mysql from 'mysql2'
import pg from 'pg'
import { kyselyStorage } from '../kysely-storage.js'

// Run as a process of its own, so that it can end. Its pool has no listeners of its own.
const [url = '', how = ''] = process.argv.slice(2)
const Station = defineDeviceType('station', { readings: { count: reading.integer() } })
const pool = () => new pg.Pool({ connectionString: url, max: 4 })
const dialect =
  how === 'mysql'
    ? new MysqlDialect({ pool: mysql.createPool(url) })
    : new PostgresDialect({ pool: how === 'function' ? async () => pool() : pool() })
const hub = createDeviceHub({
  types: [Station],
  storage: kyselyStorage({ db: new Kysely({ dialect }), closeDb: true }),
})
const { emit } = process
await hub.storage.migrate()
await hub.devices.create(Station, { deviceId: 's1' })
if (process.emit !== emit) throw new Error('the emit of all emitters was left changed')

process.on('message', async (count: number) => {
  // Several connections, so that each of them becomes idle.
  await Promise.all([1, 2, 3].map(() => hub.devices.list(Station)))
  await hub.ingest([
    { topic: 'things/station/s1/data', payload: Buffer.from(`{"count":${count}}`), source: 'test', qos: 1 },
  ])
  process.send?.(count)
})
process.send?.('ready')
