import { createLedgerPublisher, startMosquitto } from '@devicehub/test-kit'
import { drained } from '../drain.js'
import type { FaultCase } from '../fault-case.js'
import { startReplica } from '../replica.js'
import { prepareStage } from '../stage.js'
import { publications } from '../workload.js'

/** PostgreSQL goes away for a while in the middle of the work: once in an orderly way, once killed. */
export const stopPostgres: FaultCase = {
  name: 'postgres stopped and restarted',
  async run({ quick, say }) {
    const count = quick ? 5_000 : 50_000
    await using stage = await prepareStage('postgres')
    await using broker = await startMosquitto()
    const postgres = stage.postgres as NonNullable<typeof stage.postgres>
    const replica = startReplica({ url: broker.url, clientId: 'hub-1', target: stage.target, window: 500 })
    await replica.ready()
    await using publisher = createLedgerPublisher({ port: broker.port })
    const publishing = publisher.publishAll(publications(count), { rate: quick ? 1_000 : 1_500 })

    let observed = 0
    const away = [() => postgres.shutdown(), () => postgres.kill()]
    for (const [n, end] of away.entries()) {
      await new Promise((resolve) => setTimeout(resolve, 1_500))
      const retries = replica.last?.ingest.retries ?? 0
      await end()
      await new Promise((resolve) => setTimeout(resolve, quick || n === 1 ? 3_000 : 20_000))
      if ((replica.last?.ingest.retries ?? 0) > retries) observed++
      say(
        `  away: ${replica.last?.ingest.queued} messages held, ${replica.last?.mqtt.inFlight} unacknowledged, ${Math.round((replica.last?.rss ?? 0) / (1 << 20))} MB`,
      )
      await postgres.restart()
    }
    await publishing
    const result = await drained(stage.target, publisher.ledger.acknowledged, count)
    const last = await replica.stop()
    return {
      injected: away.length,
      observed,
      ...result,
      details: {
        retries: last.ingest.retries,
        reconnects: last.mqtt.reconnects,
        peakInFlight: last.mqtt.peakInFlight,
      },
    }
  },
}
