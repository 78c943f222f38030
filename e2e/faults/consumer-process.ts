/** One process that runs a durable consumer, or stands by. It writes down what its handler was given, one line a batch. */
import { appendFileSync } from 'node:fs'
import { type Consumer, createDeviceHub, silentLogger } from '@devicehub/core'
import type { ConsumerCommand, ConsumerConfig, ConsumerReport } from './consumer-replica.js'
import { storageFor } from './database.js'
import { isPoison, Probe } from './workload.js'

const config = JSON.parse(process.argv[2] as string) as ConsumerConfig
const hub = createDeviceHub({ types: [Probe], storage: storageFor(config.target), logger: silentLogger })
let holdNext = false
let release = () => {}

const consumer: Consumer = hub.consume(
  'ledger',
  {
    types: [Probe],
    channels: ['data'],
    from: 'beginning',
    maxBatch: config.batch,
    lease: config.lease,
    pollInterval: '200ms',
    retry: { tries: 3, min: '1ms', max: '10ms' },
  },
  async ({ messages }) => {
    const sequences = messages.flatMap(({ samples }) =>
      samples.map(({ readings }) => readings.sequence as number),
    )
    const poison = sequences.find(isPoison)
    if (poison !== undefined) throw new Error(`${poison} cannot be handled`)
    appendFileSync(
      config.ledger,
      `${JSON.stringify({ run: `${config.name}/${consumer.stats().epoch}`, sequences })}\n`,
    )
    if (!holdNext) return
    holdNext = false
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    report('holding')
    await released
  },
)

function report(event: ConsumerReport['event']): void {
  process.send?.({ event, stats: { ...consumer.stats(), lastError: null } } satisfies ConsumerReport)
}

process.on('message', async (command: ConsumerCommand) => {
  if (command.do === 'hold') holdNext = true
  else if (command.do === 'release') release()
  else {
    await hub.close()
    report('stopped')
    process.disconnect()
  }
})
process.on('disconnect', () => process.exit(0))
report('stats')
setInterval(() => report('stats'), 50).unref()
