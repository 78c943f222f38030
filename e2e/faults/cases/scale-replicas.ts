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
    // Half of each share is published while the step happens, half after it: who is there then must get work.
    const share = quick ? 1_000 : 4_000
    await using stage = await prepareStage('postgres')
    await using broker = await startBroker()
    const worked = new Map<string, number>()
    let sent = 0
    let injected = 0
    let observed = 0

    const start = async (clientId: string): Promise<Replica> => {
      const replica = startReplica({
        url: broker.url,
        clientId,
        sharedGroup: 'ingest',
        target: stage.target,
        window: 200,
      })
      await replica.ready()
      return replica
    }
    const publish = (rate?: number) => {
      const from = sent
      sent += share
      return publisher.publishAll(publications(share, from), rate === undefined ? {} : { rate })
    }
    const step = async (what: string, act: () => Promise<Replica[]>): Promise<Replica[]> => {
      injected++
      const underLoad = publish(2_000)
      const replicas = await act()
      await underLoad
      const stored = (replica: Replica) => replica.last?.ingest.stored ?? 0
      const before = replicas.map(stored)
      const allWorked = () => replicas.every((replica, n) => stored(replica) > (before[n] ?? 0))
      // HiveMQ gives a burst to one member; single messages it spreads. Load goes on until each has had some.
      for (let chunk = 0; chunk < 30 && !allWorked(); chunk++) {
        await publish(1_000)
        await waitUntil('reports', allWorked, { timeout: '1s' }).catch(() => {})
      }
      if (allWorked()) observed++
      for (const replica of replicas)
        worked.set(replica.clientId, Math.max(worked.get(replica.clientId) ?? 0, stored(replica)))
      say(
        `  ${what}: ${replicas.map((replica, n) => `${replica.clientId} +${stored(replica) - (before[n] ?? 0)}`).join(', ')}`,
      )
      return replicas
    }

    let a = await start('hub-1')
    await using publisher = createLedgerPublisher({ port: broker.port, window: 100 })
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
      await a.endSessionsOf('hub-3')
      return [a, b]
    })
    await step('back to one', async () => {
      await b.stop({ endSession: true })
      return [a]
    })
    const result = await drained(stage.target, publisher.ledger.acknowledged, sent)
    await a.stop()
    return {
      injected,
      observed,
      ...result,
      details: { stored: Object.fromEntries(worked), publisher: publisher.counters },
    }
  },
})
