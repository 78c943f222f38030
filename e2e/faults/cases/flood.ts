import { createFakeBroker, waitUntil } from '@devicehub/test-kit'
import { compare, type FaultCase } from '../fault-case.js'
import { startReplica } from '../replica.js'
import { prepareStage } from '../stage.js'
import { publications } from '../workload.js'

const WINDOW = 500

/** A broker that sends a hundred times the receive maximum at once, while the database hangs and after. */
export const flood: FaultCase = {
  name: 'broker sends more than the receive maximum',
  async run({ quick, say }) {
    const count = quick ? 10_000 : 50_000
    await using stage = await prepareStage('postgres')
    const postgres = stage.postgres as NonNullable<typeof stage.postgres>
    await using broker = await createFakeBroker()
    const replica = startReplica({ url: broker.url, clientId: 'hub-1', target: stage.target, window: WINDOW })
    await replica.ready()
    const connection = await waitUntil('the subscription', () =>
      broker.connections.find((each) => each.subscriptions.length > 0),
    )
    const before = replica.last?.rss ?? 0
    postgres.pause()
    const batch = [...publications(count)]
    const ids = connection.publish(batch.map(({ topic, payload }) => ({ topic, payload })))
    await waitUntil('the window to fill', () => (replica.last?.mqtt.readPauses ?? 0) > 0)
    await new Promise((resolve) => setTimeout(resolve, 3_000))
    const inFlight = replica.last?.mqtt.inFlight ?? 0
    const held = ((replica.last?.rss ?? 0) - before) / (1 << 20)
    say(`  database frozen: ${inFlight} of ${count} messages taken, ${held.toFixed(1)} MB more memory`)
    const early = connection.pubacks.length
    postgres.resume()
    await waitUntil('everything to be acknowledged', () => connection.pubacks.length >= count, {
      timeout: '3m',
    })
    const inOrder = connection.pubacks.every((id, index) => id === ids[index])
    const result = await compare(
      stage.target,
      batch.map(({ key }) => key),
      count,
    )
    const { peakInFlight = 0, readPauses = 0 } = replica.last?.mqtt ?? {}
    await replica.kill()
    const bounded = peakInFlight <= WINDOW && held < 64
    return {
      injected: 1,
      observed: readPauses > 0 && bounded ? 1 : 0,
      ...result,
      lost: result.lost + early,
      details: {
        window: WINDOW,
        peakInFlight,
        readPauses,
        memoryMb: Math.round(held),
        peakRssMb: Math.round(replica.peakRss / (1 << 20)),
        acknowledgedInOrder: inOrder,
      },
    }
  },
}
