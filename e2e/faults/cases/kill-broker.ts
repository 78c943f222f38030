import { createLedgerPublisher, startMosquitto, waitUntil } from '@devicehub/test-kit'
import { storedSequences } from '../database.js'
import { drained } from '../drain.js'
import type { FaultCase } from '../fault-case.js'
import { startReplica } from '../replica.js'
import { prepareStage } from '../stage.js'
import { publications } from '../workload.js'

/**
 * The broker is killed while the listener works off its queue. Mosquitto writes its queues to disk at intervals, so what
 * it acknowledged since is lost with it: the messages are published and saved before the first kill.
 */
export const killBroker: FaultCase = {
  name: 'broker killed and restarted',
  async run({ quick, say }) {
    const [count, kills] = quick ? [20_000, 3] : [50_000, 5]
    await using stage = await prepareStage('sqlite')
    await using broker = await startMosquitto()
    const config = { url: broker.url, clientId: 'hub-1', target: stage.target, window: 200, maxBatch: 50 }
    const first = startReplica(config)
    await first.ready()
    await first.stop()
    await using publisher = createLedgerPublisher({ port: broker.port })
    await publisher.publishAll(publications(count))
    await publisher.close()
    await broker.save()

    const replica = startReplica(config)
    await replica.ready()
    let stored = 0
    for (let n = 0; n < kills; n++) {
      const goal = stored + count / (kills * 4)
      await waitUntil('some messages to be stored', async () => {
        stored = (await storedSequences(stage.target)).length
        return stored >= Math.min(goal, count)
      })
      const connects = replica.last?.mqtt.reconnects ?? 0
      await broker.kill()
      await broker.restart()
      await waitUntil('the listener to come back', () => (replica.last?.mqtt.reconnects ?? 0) > connects)
      say(`  kill ${n + 1} of ${kills}: ${stored} stored`)
    }
    const result = await drained(stage.target, publisher.ledger.acknowledged, count)
    const last = await replica.stop()
    return {
      injected: kills,
      observed: Math.min(kills, last.mqtt.reconnects),
      ...result,
      details: { reconnects: last.mqtt.reconnects, duplicatesRecognised: last.ingest.duplicates },
    }
  },
}
