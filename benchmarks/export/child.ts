/** One export in a process of its own: what it costs in memory is that of the process. */
import { createDeviceHub, silentLogger, toCsv, toNdjson } from '@devicehub/core'
import { storageFor, type Target } from '../ingest/database.js'
import { Station } from '../ingest/workload.js'

const [form, target] = process.argv.slice(2) as [keyof typeof FORMS, string]
const FORMS = { csv: toCsv, ndjson: toNdjson }

await using hub = createDeviceHub({
  types: [Station],
  storage: storageFor(JSON.parse(target) as Target),
  logger: silentLogger,
})
const started = performance.now()
let bytes = 0
for await (const text of FORMS[form](hub.readings.export(Station))) bytes += Buffer.byteLength(text)
const seconds = (performance.now() - started) / 1000
const { maxRSS } = process.resourceUsage()
console.log(JSON.stringify({ bytes, seconds, peakRssMiB: Math.round(maxRSS / 1024) }))
