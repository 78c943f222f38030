import { createLedgerPublisher, createTcpProxy, startMosquitto, waitUntil } from '@devicehub/test-kit'
import { storedSequences } from '../database.js'
import { drained } from '../drain.js'
import type { FaultCase } from '../fault-case.js'
import { startReplica } from '../replica.js'
import { prepareStage } from '../stage.js'
import { publications } from '../workload.js'

/** Commits succeed, their PUBACKs never reach the broker, then the connection is cut: everything unacknowledged comes again. */
export const cutBeforePuback: FaultCase = {
  name: 'connection cut between commit and PUBACK',
  async run({ quick, say }) {
    const [count, cuts] = quick ? [5_000, 3] : [50_000, 20]
    const share = Math.floor(count / cuts)
    await using stage = await prepareStage('sqlite')
    await using broker = await startMosquitto()
    await using proxy = await createTcpProxy(broker.port)
    const config = {
      url: `mqtt://127.0.0.1:${proxy.port}`,
      clientId: 'hub-1',
      target: stage.target,
      window: 500,
    }
    const replica = startReplica(config)
    await replica.ready()
    await using publisher = createLedgerPublisher({ port: broker.port })
    const stored = async () => (await storedSequences(stage.target)).length

    let observed = 0
    for (let n = 0; n < cuts; n++) {
      const before = await stored()
      const duplicates = replica.last?.ingest.duplicates ?? 0
      proxy.toServer('drop')
      const publishing = publisher.publishAll(publications(share, n * share))
      await waitUntil('a commit whose acknowledgement is dropped', async () => (await stored()) > before)
      proxy.cut()
      proxy.toServer('flow')
      await publishing
      // The mark of this fault: messages that were committed come again and are recognised.
      await waitUntil(
        'the committed messages to come again',
        () => (replica.last?.ingest.duplicates ?? 0) > duplicates,
      )
      observed++
      await waitUntil('the rest of them', async () => (await stored()) >= (n + 1) * share).catch(() => {})
      say(
        `  cut ${n + 1} of ${cuts}: ${(replica.last?.ingest.duplicates ?? 0) - duplicates} committed messages came again`,
      )
    }
    const result = await drained(stage.target, publisher.ledger.acknowledged, share * cuts)
    const last = await replica.stop()
    return {
      injected: cuts,
      observed,
      ...result,
      details: { duplicatesRecognised: last.ingest.duplicates, redelivered: last.mqtt.redelivered },
    }
  },
}
