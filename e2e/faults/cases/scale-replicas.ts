import { createLedgerPublisher, type Service, waitUntil } from '@devicehub/test-kit'
import { drained } from '../drain.js'
import type { FaultCase } from '../fault-case.js'
import { type Replica, startReplica } from '../replica.js'
import { prepareStage } from '../stage.js'
import { publications } from '../workload.js'

/** A shared group under load grows to three and shrinks to one, is restarted in turn, loses a member for a while and one for good. */
export const scaleReplicas = (name: string, startBroker: () => Promise<Service>): FaultCase => ({
  name: `shared group, ${name}`,
  async run({ quick, say }) {
    const [count, rate] = quick ? [10_000, 700] : [50_000, 1_200]
    await using stage = await prepareStage('postgres')
    await using broker = await startBroker()
    const worked = new Map<string, number>()
    let observed = 0
    let injected = 0

    const start = async (clientId: string): Promise<Replica> => {
      const replica = startReplica({ url: broker.url, clientId, target: stage.target, window: 500 })
      await replica.ready()
      return replica
    }
    /** A step counts as seen when the replicas it leaves behind have all stored something since. */
    const step = async (what: string, act: () => Promise<Replica[]>): Promise<Replica[]> => {
      injected++
      const replicas = await act()
      const before = replicas.map((replica) => replica.last?.ingest.stored ?? 0)
      const idle = () => publisher.ledger.acknowledged.size >= count
      await waitUntil(
        `work for ${replicas.map(({ clientId }) => clientId).join(', ')} after: ${what}`,
        () => idle() || replicas.every((replica, n) => (replica.last?.ingest.stored ?? 0) > (before[n] ?? 0)),
      )
      if (replicas.every((replica, n) => (replica.last?.ingest.stored ?? 0) > (before[n] ?? 0))) observed++
      for (const replica of replicas)
        worked.set(
          replica.clientId,
          Math.max(worked.get(replica.clientId) ?? 0, replica.last?.ingest.stored ?? 0),
        )
      say(
        `  ${what}: ${replicas.map((replica) => `${replica.clientId} ${replica.last?.ingest.stored}`).join(', ')}`,
      )
      return replicas
    }

    let a = await start('hub-1')
    await using publisher = createLedgerPublisher({ port: broker.port, window: 100 })
    const publishing = publisher.publishAll(publications(count), { rate })
    let [b, c] = (
      await step('from one to three', async () => [a, await start('hub-2'), await start('hub-3')])
    ).slice(1) as [Replica, Replica]

    await step('rolling restart', async () => {
      await a.stop()
      a = await start('hub-1')
      await b.stop()
      b = await start('hub-2')
      await c.stop()
      c = await start('hub-3')
      return [a, b, c]
    })
    await step('one killed and restarted', async () => {
      await b.kill()
      b = await start('hub-2')
      return [a, b, c]
    })
    await step('one killed for good and adopted', async () => {
      await c.kill()
      await new Promise((resolve) => setTimeout(resolve, 1_000))
      await a.adopt('hub-3')
      return [a, b]
    })
    await step('back to one', async () => {
      await b.stop({ leave: true })
      return [a]
    })
    await publishing
    const result = await drained(stage.target, publisher.ledger.acknowledged, count)
    await a.stop()
    return {
      injected,
      observed,
      ...result,
      details: { stored: Object.fromEntries(worked), publisher: publisher.counters },
    }
  },
})
