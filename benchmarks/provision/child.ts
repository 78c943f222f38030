/** One import in a process of its own, so that its memory is its own. */
import { createDeviceHub, defineDeviceType, reading, silentLogger } from '@devicehub/core'
import { createProvisioner, type ImportReport } from '@devicehub/provision'
import { storageFor, type Target } from '../ingest/database.js'

export interface ImportResult {
  readonly report: ImportReport
  readonly seconds: number
  readonly peakRssMb: number
  /** Of the process before the import. */
  readonly startRssMb: number
}

const Sensor = defineDeviceType('sensor', { readings: { temperature: reading.float() } })

const [target, source, output] = process.argv.slice(2) as [string, string, string]
const hub = createDeviceHub({
  types: [Sensor],
  storage: storageFor(JSON.parse(target) as Target),
  logger: silentLogger,
  credentials: { secret: 'a-key-for-the-benchmark-and-for-nothing-else' },
})
await hub.storage.migrate()
const provisioner = createProvisioner(hub)
const megabytes = (bytes: number) => Math.round(bytes / 1e6)
const startRssMb = megabytes(process.memoryUsage.rss())
const began = performance.now()
const report = await provisioner.importDevices(Sensor, { csv: source }, { output: { file: output } })
const result: ImportResult = {
  report,
  seconds: Math.round(performance.now() - began) / 1000,
  peakRssMb: megabytes(process.resourceUsage().maxRSS * 1024),
  startRssMb,
}
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0))
