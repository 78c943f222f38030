/** The healthy devices, in a process of their own: what the attackers cost must not be taken for what the hub does. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createLedgerPublisher, type LedgerPublisher } from '@devicehub/test-kit'
import type { HealthyConfig, HealthyReport } from './healthy.js'

const config = JSON.parse(process.argv[2] as string) as HealthyConfig
const loop = monitorEventLoopDelay({ resolution: 10 })
loop.enable()
let sent = 0
let ended = false

const devices: LedgerPublisher[] = config.devices.map(({ username, password, clientId }) =>
  createLedgerPublisher({ port: config.port, username, password, clientId, window: 10 }),
)

/** One sample every so often, each with a number of its own. */
async function* samples(topic: string) {
  while (!ended) {
    const sequence = sent++
    yield {
      key: String(sequence),
      topic,
      payload: JSON.stringify({ sequence, value: 1, timestamp: Date.now() }),
    }
    await new Promise((resolve) => setTimeout(resolve, config.everyMs))
  }
}

process.on('message', async (call: 'lateness' | 'end') => {
  if (call === 'lateness') {
    process.send?.({ latenessMs: Math.round(loop.max / 1e6) })
    loop.reset()
    return
  }
  ended = true
  await running
  const acknowledged = devices.flatMap(({ ledger }) => [...ledger.acknowledged])
  const reconnects = devices.reduce((sum, { counters }) => sum + counters.reconnects, 0)
  process.send?.({ acknowledged, sent, reconnects } satisfies HealthyReport, () => process.exit(0))
})
process.on('disconnect', () => process.exit(0))

const running = Promise.all(
  devices.map((device, index) => device.publishAll(samples(config.devices[index]?.topic as string))),
)
process.send?.('ready')
