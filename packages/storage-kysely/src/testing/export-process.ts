import { createDeviceHub, toCsv } from '@devicehub/core'
import { Kysely } from 'kysely'
import { kyselyStorage } from '../kysely-storage.js'
import { sqliteDialect } from '../sqlite/sqlite-dialect.js'
import { Meter } from './rows.js'

// Run as a process of its own, with a heap that does not hold the rows it exports.
const [file = ''] = process.argv.slice(2)
const hub = createDeviceHub({
  types: [Meter],
  storage: kyselyStorage({ db: new Kysely({ dialect: sqliteDialect({ file }) }), closeDb: true }),
})
let lines = 0
for await (const text of toCsv(hub.readings.export(Meter))) lines += text.split('\n').length - 1
/** What a list of all of them does to this heap. */
process.send?.(lines)
if (process.argv[3] === 'hold') {
  const rows: unknown[] = []
  for await (const row of hub.readings.export(Meter)) rows.push(row)
  process.send?.(rows.length)
}
await hub.close()
process.disconnect?.()
