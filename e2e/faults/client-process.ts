/** One device that samples at a steady rate into its outbox. It writes down what it measures, and what was confirmed. */
import { appendFileSync, existsSync } from 'node:fs'
import { createDeviceClient } from '@devicehub/client'
import { readClientLedger } from './client-ledger.js'
import type { ClientConfig, ClientReport } from './client-replica.js'
import { deviceId, Probe } from './workload.js'

const config = JSON.parse(process.argv[2] as string) as ClientConfig
const client = createDeviceClient(Probe, {
  url: config.url,
  deviceId: deviceId(0),
  outbox: { folder: config.folder },
  reconnect: { min: '20ms', max: '200ms' },
})
client.on('error', () => {})
const note = (line: string) => appendFileSync(config.ledger, `${line}\n`)
// A number that was measured is never used again, confirmed or not.
let sequence = existsSync(config.ledger) ? readClientLedger(config.ledger).measured : 0
let recorded = 0
let failure: string | null = null

function sample(): void {
  const own = sequence++
  note(`m ${own}`)
  client.record({ sequence: own, value: own / 7 }).then(
    () => {
      note(`c ${own}`)
      recorded++
    },
    (error) => {
      failure = String(error)
    },
  )
}

const started = Date.now()
let due = 0
const sampling = setInterval(() => {
  const target = ((Date.now() - started) * config.rate) / 1000
  for (; due < target; due++) sample()
}, 5)

function report(event: ClientReport['event']): void {
  process.send?.({ event, recorded, failure, stats: client.stats() } satisfies ClientReport)
}

process.on('message', async () => {
  clearInterval(sampling)
  await client.close({ timeout: '1m' })
  report('stopped')
  process.disconnect()
})
process.on('disconnect', () => process.exit(0))
setInterval(() => report('stats'), 20).unref()
client.connect().catch((error) => {
  failure = String(error)
})
