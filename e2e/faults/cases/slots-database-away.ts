import { setTimeout as sleep } from 'node:timers/promises'
import { createLedgerPublisher, startMosquitto, waitUntil } from '@devicehub/test-kit'
import { drained } from '../drain.js'
import type { FaultCase } from '../fault-case.js'
import { watchLeases } from '../lease-watch.js'
import { monotonic } from '../monotonic.js'
import { startReplica } from '../replica.js'
import { compareClaims } from '../slot-claims.js'
import { prepareStage } from '../stage.js'
import { startLoad } from '../steady-load.js'

/** PostgreSQL goes away for longer than the leases of three processes last, stopped and killed: nobody acknowledges anything meanwhile, and all hold slots again after. */
export const databaseAway: FaultCase = {
  name: 'slots, database away while leases are held',
  async run({ quick, say }) {
    const lease = quick ? 1.5 : 3
    const ttl = lease * 1_000
    await using stage = await prepareStage('postgres')
    await using broker = await startMosquitto()
    const { target } = stage
    const postgres = stage.postgres as NonNullable<typeof stage.postgres>
    await using watch = watchLeases(target.kind === 'postgres' ? target.url : '')
    const claims = compareClaims()
    const slots = { group: 'ingest', max: 3, lease }
    const replicas = ['p1', 'p2', 'p3'].map((name) =>
      startReplica({ url: broker.url, name, slots, target, window: 200 }),
    )
    for (const replica of replicas) claims.watch(replica)
    const violations: string[] = []
    const acknowledged = () => replicas.reduce((sum, { last }) => sum + (last?.mqtt.acknowledged ?? 0), 0)
    const report = () => Promise.all(replicas.map((replica) => replica.nextReport()))
    const held = () =>
      new Set(
        replicas.flatMap(({ last }) => (last?.mqtt.slot?.state === 'held' ? [last.mqtt.slot.number] : [])),
      )
    const allHold = () => waitUntil('all to hold slots', () => held().size === 3, { timeout: '2m' })
    await Promise.all(replicas.map((replica) => replica.ready()))
    await allHold()
    await using publisher = createLedgerPublisher({ port: broker.port })
    const load = startLoad(publisher, 400)

    const rounds: Record<string, unknown>[] = []
    let observed = 0
    const killed = () => postgres.kill()
    const ways = quick ? { killed } : { stopped: () => postgres.shutdown(), killed }
    for (const [way, end] of Object.entries(ways)) {
      const worked = replicas.map(({ last }) => last?.ingest.stored ?? 0)
      await waitUntil('each to work', () =>
        replicas.every(({ last }, n) => (last?.ingest.stored ?? 0) > (worked[n] ?? 0)),
      )
      const lost = replicas.map(({ last }) => last?.mqtt.slotsLost ?? 0)
      await end()
      await report()
      const before = acknowledged()
      await sleep(2 * ttl)
      await report()
      const whileAway = acknowledged() - before
      const stillHeld = held().size
      const slotsLost = replicas.map(({ last }, n) => (last?.mqtt.slotsLost ?? 0) - (lost[n] ?? 0))
      if (slotsLost.every((count) => count > 0) && stillHeld === 0) observed++
      if (whileAway > 0) violations.push(`${whileAway} acknowledged while the database was away`)
      const from = monotonic()
      await postgres.restart()
      const restartMs = Math.round(monotonic() - from)
      await allHold()
      const heldAgainMs = Math.round(monotonic() - from)
      // What was read under the old leases is refused now; that must not cost anybody the new one.
      await sleep(2 * ttl)
      await report()
      const again = replicas.reduce(
        (sum, { last }, n) => sum + (last?.mqtt.slotsLost ?? 0) - (lost[n] ?? 0) - 1,
        0,
      )
      const stalledMs = Math.round(watch.stalledSince(from + restartMs))
      if (again > 0 && stalledMs < ttl / 2)
        violations.push(`${way}: ${again} slots lost again after it was back`)
      rounds.push({ way, whileAway, stillHeld, slotsLost, again, restartMs, heldAgainMs, stalledMs })
      say(`  ${JSON.stringify(rounds.at(-1))}`)
    }
    const sent = await load.end()
    const result = await drained(target, publisher.ledger.acknowledged, sent)
    await Promise.all(replicas.map((replica) => replica.stop()))
    const broken = [...violations, ...watch.violations, ...claims.violations]
    const details = { rounds, broken, lateAcks: replicas.map(({ last }) => last?.mqtt.lateAcks) }
    return { injected: rounds.length, observed, ...result, violations: broken.length, details }
  },
}
