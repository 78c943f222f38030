import { createLedgerPublisher, startMosquitto } from '@devicehub/test-kit'
import { storedSequences, type Target } from '../database.js'
import { drained } from '../drain.js'
import type { FaultCase } from '../fault-case.js'
import { startReplica } from '../replica.js'
import { prepareStage } from '../stage.js'
import { publications } from '../workload.js'

/** `kill -9` to the listener at random moments while messages pour in. */
export const killListener = (kind: Target['kind']): FaultCase => ({
  name: `listener killed, ${kind}`,
  async run({ quick, say }) {
    const [count, kills] = quick ? [5_000, 4] : [50_000, 25]
    await using stage = await prepareStage(kind)
    await using broker = await startMosquitto()
    const config = { url: broker.url, clientId: 'hub-1', target: stage.target, window: 500 }
    // The session exists before the first message: what is published while the listener is dead waits in it.
    let replica = startReplica(config)
    await replica.ready()
    await using publisher = createLedgerPublisher({ port: broker.port })
    const publishing = publisher.publishAll(publications(count), { rate: quick ? 1_500 : 800 })

    let observed = 0
    let redelivered = 0
    for (let n = 0; n < kills; n++) {
      await new Promise((resolve) => setTimeout(resolve, 50 + Math.random() * 700))
      const before = (await storedSequences(stage.target)).length
      if (await replica.kill()) observed++
      replica = startReplica(config)
      await replica.ready()
      redelivered += replica.last?.mqtt.redelivered ?? 0
      say(
        `  kill ${n + 1} of ${kills}: ${before} stored before, ${publisher.ledger.acknowledged.size} acknowledged by the broker`,
      )
    }
    await publishing
    const result = await drained(stage.target, publisher.ledger.acknowledged, count)
    const last = await replica.stop()
    redelivered += last.mqtt.redelivered
    return {
      injected: kills,
      observed,
      ...result,
      details: { redelivered, duplicatesRecognised: last.ingest.duplicates },
    }
  },
})
