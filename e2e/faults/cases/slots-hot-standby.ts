import { setTimeout as sleep } from 'node:timers/promises'
import { createLedgerPublisher, startRabbitMq, waitUntil } from '@devicehub/test-kit'
import { drained } from '../drain.js'
import type { FaultCase } from '../fault-case.js'
import { watchLeases } from '../lease-watch.js'
import { monotonic } from '../monotonic.js'
import { type Replica, startReplica } from '../replica.js'
import { compareClaims } from '../slot-claims.js'
import { prepareStage } from '../stage.js'
import { startLoad } from '../steady-load.js'

/** MQTT 3.1.1 has no shared subscriptions: one process receives, the other takes over when it is killed or frozen under load. */
export const hotStandby: FaultCase = {
  name: 'slots, RabbitMQ: hot standby (MQTT 3.1.1)',
  async run({ quick, say }) {
    const faults = quick ? ['kill'] : ['kill', 'freeze', 'kill', 'freeze', 'kill', 'kill']
    const lease = quick ? 1.5 : 3
    await using stage = await prepareStage('postgres')
    await using broker = await startRabbitMq({ maxInflight: 200 })
    const { target } = stage
    await using watch = watchLeases(target.kind === 'postgres' ? target.url : '')
    const claims = compareClaims()
    const slots = { group: 'ingest', max: 1, lease }
    const violations: string[] = []
    const replicas: Replica[] = []
    const start = async () => {
      const name = `p${replicas.length + 1}`
      const replica = startReplica({ url: broker.url, name, slots, target, protocolVersion: 4, window: 200 })
      replicas.push(replica)
      claims.watch(replica)
      await replica.ready()
    }
    const state = (replica: Replica) => replica.last?.mqtt.slot?.state
    const find = (wanted: string) =>
      waitUntil(`a process with the state ${wanted}`, () =>
        replicas.find((each) => each.alive && !each.frozen && state(each) === wanted),
      )

    await start()
    await find('held')
    await start()
    await using publisher = createLedgerPublisher({ port: broker.port, protocolVersion: 4, window: 100 })
    const load = startLoad(publisher, 300)
    const took: Record<string, unknown>[] = []
    let observed = 0
    for (const [n, fault] of faults.entries()) {
      const [holder, standby] = [await find('held'), await find('standby')]
      await waitUntil('the holder to work', () => (holder.last?.ingest.stored ?? 0) > 0)
      await sleep(500)
      const stored = standby.last?.ingest.stored ?? 0
      const lost = holder.last?.mqtt.slotsLost ?? 0
      const from = monotonic()
      const hit = fault === 'kill' ? await holder.kill() : await holder.freeze()
      await waitUntil('the standby to hold the slot', () => state(standby) === 'held')
      const heldAfter = monotonic() - from
      await waitUntil('the standby to store', () => (standby.last?.ingest.stored ?? 0) > stored)
      const storedAfter = monotonic() - from
      const stalled = watch.stalledSince(from)
      if (heldAfter - stalled > 2 * lease * 1_000)
        violations.push(
          `round ${n + 1}: taken over after ${Math.round(heldAfter)} ms, stalled ${Math.round(stalled)}`,
        )
      took.push({
        fault,
        heldMs: Math.round(heldAfter),
        storedMs: Math.round(storedAfter),
        stalledMs: Math.round(stalled),
      })
      say(`  ${n + 1} of ${faults.length}: ${JSON.stringify(took.at(-1))}`)
      if (fault === 'kill') await start()
      else {
        holder.resume()
        await waitUntil('the frozen one to know of its loss', () => (holder.last?.mqtt.slotsLost ?? 0) > lost)
      }
      if (hit) observed++
    }
    const sent = await load.end()
    const result = await drained(target, publisher.ledger.acknowledged, sent)
    const fenced = replicas.reduce((sum, { last }) => sum + (last?.mqtt.fenced ?? 0), 0)
    await Promise.all(replicas.filter(({ alive }) => alive).map((replica) => replica.stop()))
    const broken = [...violations, ...watch.violations, ...claims.violations]
    return {
      injected: faults.length,
      observed,
      ...result,
      violations: broken.length,
      details: { took, fenced, broken },
    }
  },
}
