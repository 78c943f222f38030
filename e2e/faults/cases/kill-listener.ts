import { createLedgerPublisher, startMosquitto, waitUntil } from '@devicehub/test-kit'
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
    const share = count / kills
    await using stage = await prepareStage(kind)
    await using broker = await startMosquitto()
    const config = { url: broker.url, clientId: 'hub-1', target: stage.target, window: 500, maxBatch: 100 }
    // The session exists before the first message: what is published while the listener is dead waits in it.
    let replica = startReplica(config)
    await replica.ready()
    await using publisher = createLedgerPublisher({ port: broker.port })
    const { ledger } = publisher

    let observed = 0
    let redelivered = 0
    for (let n = 0; n < kills; n++) {
      const publishing = publisher.publishAll(publications(share, n * share), { rate: 4_000 })
      await new Promise((resolve) => setTimeout(resolve, Math.random() * (share / 4)))
      await waitUntil('work to be under way', () => ledger.acknowledged.size > n * share)
      const killed = await replica.kill()
      const stored = (await storedSequences(stage.target)).length
      await publishing
      // In the middle of its work: not all that the broker had taken by now was stored.
      if (killed && stored < ledger.acknowledged.size) observed++
      say(
        `  kill ${n + 1} of ${kills}: ${stored} stored, ${ledger.acknowledged.size} acknowledged by the broker`,
      )
      replica = startReplica(config)
      await replica.ready()
      // What does not come is lost: the comparison at the end says so.
      await waitUntil(
        'the queue to be worked off',
        async () => (await storedSequences(stage.target)).length >= (n + 1) * share,
        { timeout: '2m' },
      ).catch(() => {})
      redelivered += replica.last?.mqtt.redelivered ?? 0
    }
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
