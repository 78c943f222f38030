import { setTimeout as sleep } from 'node:timers/promises'
import { createLedgerPublisher, startMosquitto, waitUntil } from '@devicehub/test-kit'
import pg from 'pg'
import { storedSequences } from '../database.js'
import { drained } from '../drain.js'
import type { FaultCase } from '../fault-case.js'
import { watchLeases } from '../lease-watch.js'
import { type Replica, startReplica } from '../replica.js'
import { prepareStage } from '../stage.js'
import { publications } from '../workload.js'

const LEASE = 1
const SHARE = 500
/** Messages in the commit that comes too late, at least. */
const BATCH = 20

/**
 * The holder of the only slot is frozen with messages in work until the other process has the slot. Its commit comes too
 * late and is refused; or the database had it already, and what the other process is sent again is a duplicate.
 */
export const frozenInCommit: FaultCase = {
  name: 'slots, frozen in the middle of a commit',
  async run({ quick, say }) {
    const rounds = quick ? ROUNDS : [...ROUNDS, ...ROUNDS, ...ROUNDS]
    await using stage = await prepareStage('postgres')
    await using broker = await startMosquitto()
    const { target } = stage
    const url = target.kind === 'postgres' ? target.url : ''
    await using watch = watchLeases(url)
    const slots = { group: 'ingest', max: 1, lease: LEASE }
    const slot = `slot/127.0.0.1:${broker.port}/${slots.group}/1`
    const start = (name: string) => startReplica({ url: broker.url, name, slots, target, window: 500 })
    const replicas = [start('p1'), start('p2')] as const
    await Promise.all(replicas.map((replica) => replica.ready()))
    await using publisher = createLedgerPublisher({ port: broker.port })
    const { ledger } = publisher
    const violations: string[] = []
    const late: Record<string, unknown>[] = []
    let observed = 0
    let sent = 0
    const publish = () => {
      const from = sent
      sent += SHARE
      return publisher.publishAll(publications(SHARE, from))
    }
    const holder = () => waitUntil('one of them to hold the slot', () => replicas.find(holds))
    const allStored = async () => {
      const stored = new Set(await storedSequences(target))
      return [...ledger.acknowledged].every((key) => stored.has(key))
    }

    for (const [n, round] of rounds.entries()) {
      await publish()
      await waitUntil('all to be stored', allStored)
      const victim = await holder()
      const other = replicas[0] === victim ? replicas[1] : replicas[0]
      const before = await victim.nextReport()
      const epoch = watch.rows.get(slot)?.epoch ?? 0
      const takenOver = () =>
        waitUntil(
          'the other process to hold the slot',
          () => (watch.rows.get(slot)?.epoch ?? 0) > epoch && holds(other),
        )

      if (round === 'in the database') {
        await using lock = await lockMessages(url)
        const duplicates = other.last?.ingest.duplicates ?? 0
        const publishing = publish()
        await waitUntil('the commit to wait in the database', lock.isWaitedFor)
        await victim.freeze()
        await lock.release()
        await takenOver()
        await publishing
        await waitUntil('all to be stored', allStored)
        victim.resume()
        const after = await lossOf(victim, before.mqtt.slotsLost)
        // What it wrote it wrote in time; the other process was sent the same and stored nothing twice.
        const recognised = ((await other.nextReport()).ingest.duplicates ?? 0) - duplicates
        if (recognised > 0) observed++
        late.push({ round, duplicates: recognised, lateAcks: after.mqtt.lateAcks })
      } else {
        await victim.freezeBeforeCommit(BATCH)
        const still = victim.stoodStill()
        // A burst may be stored in batches that are all too small.
        let publishing = publish()
        while (!(await Promise.race([still.then(() => true), sleep(1_000, false)]))) publishing = publish()
        await takenOver()
        if (round === 'before, the other has stored') {
          await publishing
          await waitUntil('all to be stored', allStored)
        }
        victim.resume()
        await publishing
        const after = await lossOf(victim, before.mqtt.slotsLost)
        const commit = after.late
        const fenced = after.ingest.fenced - before.ingest.fenced
        const acknowledged = after.mqtt.acknowledged - (commit?.acknowledged ?? 0)
        late.push({ round, messages: commit?.messages, answer: commit?.error, fenced, acknowledged })
        if (commit?.error === 'fenced' && fenced >= 1) observed++
        else
          violations.push(
            `round ${n + 1}: the late commit was answered with ${commit?.error}, fenced ${fenced}`,
          )
        if (acknowledged !== 0) violations.push(`round ${n + 1}: ${acknowledged} acknowledged after the loss`)
      }
      say(`  round ${n + 1} of ${rounds.length}, ${JSON.stringify(late.at(-1))}`)
    }
    const result = await drained(target, ledger.acknowledged, sent)
    await Promise.all(replicas.map((replica) => replica.stop()))
    const broken = [...violations, ...watch.violations]
    return {
      injected: rounds.length,
      observed,
      ...result,
      violations: broken.length,
      details: { late, broken },
    }
  },
}

const ROUNDS = [
  'before, the other has just the slot',
  'before, the other has stored',
  'in the database',
] as const

const holds = (replica: Replica) => !replica.frozen && replica.last?.mqtt.slot?.state === 'held'

/** The first report in which the process knows of its loss and has an answer to its late commit. */
async function lossOf(replica: Replica, slotsLost: number) {
  await waitUntil(`${replica.clientId} to know of its loss`, () => {
    const { last } = replica
    return last !== undefined && last.mqtt.slotsLost > slotsLost && last.late?.error !== undefined
  })
  return replica.nextReport()
}

/** Keeps every commit of messages waiting inside the database. */
async function lockMessages(url: string) {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query('begin')
  await client.query('lock table probe_message in access exclusive mode')
  let locked = true
  const release = async () => {
    if (locked) await client.query('commit')
    locked = false
  }
  return {
    release,
    async isWaitedFor() {
      const query = "select 1 from pg_locks where relation = 'probe_message'::regclass and not granted"
      return (await client.query(query)).rows.length > 0
    },
    async [Symbol.asyncDispose]() {
      await release()
      await client.end()
    },
  }
}
