import { readFileSync } from 'node:fs'
import { createDeviceHub, silentLogger } from '@devicehub/core'
import { createMqttListener, type MqttListenerOptions } from '@devicehub/mqtt-listener'
import { createLedgerPublisher, startMosquitto, waitUntil } from '@devicehub/test-kit'
import { storageFor } from '../database.js'
import { drained } from '../drain.js'
import type { FaultCase } from '../fault-case.js'
import { prepareStage } from '../stage.js'
import { Probe, publications } from '../workload.js'

const SAMPLES = 1_500

/** The options of the quick start's own line, with all that it leaves to the defaults; only the port is another. */
function quickStartOptions(url: string): MqttListenerOptions {
  const page = readFileSync(new URL('../../../docs/quick-start.md', import.meta.url), 'utf8')
  const clientId = /createMqttListener\(hub, \{ url: '[^']+', clientId: '([^']+)' \}\)/.exec(page)?.[1]
  if (clientId === undefined)
    throw new Error('docs/quick-start.md creates its listener with other options; give this case the same')
  return { url, clientId }
}

/** An orderly restart of Mosquitto in the middle of a steady load, each time with a new broker and a new database. */
export const restarts: FaultCase = {
  name: 'restarts of mosquitto under load, with the settings of the quick start',
  async run({ quick, say }) {
    const rounds: Round[] = []
    for (let n = 1; n <= (quick ? 3 : 10); n++) {
      const round = await restartOnce()
      say(`  restart ${n}: ${round.acknowledged} acknowledged, ${round.lost} lost`)
      rounds.push(round)
    }
    const sum = (key: keyof Round) => rounds.reduce((total, round) => total + round[key], 0)
    return {
      injected: rounds.length,
      observed: rounds.filter(({ reconnects }) => reconnects > 0).length,
      acknowledged: sum('acknowledged'),
      lost: sum('lost'),
      duplicated: sum('duplicated'),
      unexpected: sum('unexpected'),
      details: { samplesEach: SAMPLES, lostEach: rounds.map(({ lost }) => lost) },
    }
  },
}

type Round = Awaited<ReturnType<typeof restartOnce>>

async function restartOnce() {
  await using stage = await prepareStage('sqlite')
  await using broker = await startMosquitto()
  await using hub = createDeviceHub({
    types: [Probe],
    storage: storageFor(stage.target),
    logger: silentLogger,
  })
  await using listener = createMqttListener(hub, quickStartOptions(broker.url))
  await listener.start()
  await using publisher = createLedgerPublisher({ port: broker.port })
  const { acknowledged } = publisher.ledger
  const publishing = publisher.publishAll(publications(SAMPLES), { rate: 1_000 })
  await waitUntil('half of the samples', () => acknowledged.size >= SAMPLES / 2)
  await broker.restart()
  await publishing
  await waitUntil('the listener to be back', () => listener.stats().state === 'connected')
  const result = await drained(stage.target, acknowledged, SAMPLES, 10_000)
  return { ...result, reconnects: listener.stats().reconnects }
}
