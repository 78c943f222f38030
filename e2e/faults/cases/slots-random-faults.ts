import { setTimeout as sleep } from 'node:timers/promises'
import { createLedgerPublisher, startMosquitto, waitUntil } from '@devicehub/test-kit'
import { drained } from '../drain.js'
import type { FaultCase } from '../fault-case.js'
import { watchLeases } from '../lease-watch.js'
import { monotonic } from '../monotonic.js'
import { processState } from '../process-state.js'
import { runSeed, seededRandom } from '../random.js'
import { type Replica, startReplica } from '../replica.js'
import { compareClaims } from '../slot-claims.js'
import { prepareStage } from '../stage.js'
import { startLoad } from '../steady-load.js'
import { trackTakeovers } from '../takeovers.js'

const MAX_REPLICAS = 6
const SLOTS = 4
/** Small, so that a lost process leaves more in its session than fits into the hands of its successor. */
const WINDOW = 30
const DECK = ['kill', 'kill', 'freeze', 'freeze', 'stop', 'start', 'start', 'start']
const QUICK_DECK = ['kill', 'kill', 'freeze', 'stop', 'start', 'start']

/** One to six processes of one configuration share four slots under load; they are killed, frozen, stopped and started at random. */
export const randomFaults: FaultCase = {
  name: 'slots, mosquitto and PostgreSQL: random faults',
  async run({ quick, say }) {
    const [faults, lease] = quick ? [6, 1.5] : [30, 3]
    const seed = runSeed()
    const random = seededRandom(seed)
    say(`  DEVICEHUB_FAULTS_SEED=${seed}`)
    const ttl = lease * 1_000
    await using stage = await prepareStage('postgres')
    await using broker = await startMosquitto()
    const { target } = stage
    await using watch = watchLeases(target.kind === 'postgres' ? target.url : '')
    const slots = { group: 'ingest', max: SLOTS, lease }
    const slotName = (number: number) => `slot/127.0.0.1:${broker.port}/${slots.group}/${number}`
    const takeovers = trackTakeovers(watch, () => active().length)
    const claims = compareClaims()
    const replicas: Replica[] = []
    const violations: string[] = []
    const done: Record<string, number> = {}
    let injected = 0
    let observed = 0

    const running = () => replicas.filter(({ alive }) => alive)
    const active = () => running().filter(({ started, frozen }) => started && !frozen)
    const mark = (what: string) => {
      observed++
      done[what] = (done[what] ?? 0) + 1
    }
    const start = () => {
      const name = `p${replicas.length + 1}`
      const replica = startReplica({ url: broker.url, name, slots, target, window: WINDOW })
      replicas.push(replica)
      claims.watch(replica)
      return replica
    }
    const heldBy = (replica: Replica) => {
      const slot = replica.last?.mqtt.slot
      if (slot?.state !== 'held' || slot.number === null || slot.epoch === null) return null
      return { slot: slotName(slot.number), epoch: slot.epoch }
    }
    const expectTakeover = (fault: 'killed' | 'frozen', held: ReturnType<typeof heldBy>) =>
      held === null ? [] : takeovers.expect(fault, held)

    async function thaw(replica: Replica, pastLease: number, wasHolder: boolean): Promise<void> {
      const { pid } = replica
      const lost = replica.last?.mqtt.slotsLost ?? 0
      await sleep(pastLease)
      const stood = processState(pid) === 'T'
      replica.resume()
      const knows = () => !wasHolder || (replica.last?.mqtt.slotsLost ?? 0) > lost
      const ok = await replica
        .nextReport()
        .then(() => waitUntil(`${replica.clientId} to know of its loss`, knows))
        .catch((error) => void violations.push(String(error)))
      if (stood && ok) mark(wasHolder ? 'frozen holder' : 'frozen, without a slot')
    }

    const thawing: Promise<void>[] = []
    const acts: Readonly<Record<string, (victim: Replica) => Promise<string>>> = {
      async kill(victim) {
        const held = heldBy(victim)
        const killed = await victim.kill()
        const expected = expectTakeover('killed', held)
        if (killed) mark(held === null ? 'killed, without a slot' : 'killed holder')
        return `killed ${victim.clientId}${expected.map(({ slot }) => ` with slot ${slot.split('/').at(-1)}`).join()}`
      },
      async freeze(victim) {
        await victim.freeze()
        const expected = expectTakeover('frozen', heldBy(victim))
        const ms = Math.round(ttl * (1.5 + 1.5 * random()))
        thawing.push(thaw(victim, ms, expected.length > 0))
        return `froze ${victim.clientId}${expected.map(({ slot }) => ` with slot ${slot.split('/').at(-1)}`).join()} for ${ms} ms`
      },
      async stop(victim) {
        await victim.stop()
        mark('stopped')
        return `stopped ${victim.clientId}`
      },
      async start() {
        const replica = start()
        await replica.ready()
        mark('started')
        return `started ${replica.clientId}`
      },
    }
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T
    /** Mostly one that holds a slot. */
    const victims = () => {
      const holders = active().filter(heldBy)
      return holders.length > 0 && random() < 0.75 ? holders : active()
    }
    let deck: string[] = []
    const possible = (act: string) =>
      act === 'start' ? running().length < MAX_REPLICAS : active().length > 1
    /** Each of the deck once, as far as it is possible, before it is dealt anew. */
    const deal = (): string | undefined => {
      for (const cards of [deck, quick ? QUICK_DECK : DECK]) {
        const choice = cards.filter(possible)
        if (choice.length === 0) continue
        const act = pick(choice)
        deck = cards.toSpliced(cards.indexOf(act), 1)
        return act
      }
      return undefined
    }

    await start().ready()
    await using publisher = createLedgerPublisher({ port: broker.port })
    const load = startLoad(publisher, quick ? 300 : 400)
    await Promise.all([start(), start(), start()].map((replica) => replica.ready()))
    for (let n = 0; n < faults; n++) {
      await sleep(ttl * (0.1 + 0.7 * random()))
      // All others frozen, all places taken: wait for one to go on.
      const act = await waitUntil('something to do', deal)
      injected++
      const what = await (acts[act] as (typeof acts)[string])(pick(victims()))
      say(`  ${n + 1} of ${faults}: ${what}; ${active().length} of ${running().length} at work`)
    }
    await Promise.all(thawing)
    const wanted = Math.min(SLOTS, running().length)
    const holders = () =>
      active()
        .map(heldBy)
        .filter((held) => held !== null)
    const settledAt = monotonic()
    await waitUntil(
      `${wanted} slots to be held and every lost one to be taken over`,
      () => new Set(holders().map(({ slot }) => slot)).size === wanted && takeovers.open.length === 0,
      { timeout: '1m' },
    ).catch((error) => violations.push(String(error)))
    const settledMs = Math.round(monotonic() - settledAt)
    const sent = await load.end()
    const result = await drained(target, publisher.ledger.acknowledged, sent)
    const survivors = running()
    const sum = (count: (replica: Replica) => number) =>
      replicas.reduce((total, each) => total + count(each), 0)
    await Promise.all(survivors.map((replica) => replica.stop()))
    const { late, figures } = takeovers.report(2 * ttl)
    const broken = [...violations, ...watch.violations, ...claims.violations]
    return {
      injected,
      observed,
      ...result,
      violations: broken.length + late,
      details: {
        seed,
        done,
        ...figures,
        broken,
        settledMs,
        epochs: watch.epochs,
        looks: watch.samples,
        heldReports: claims.reports,
        slotsTaken: sum(({ last }) => last?.mqtt.slotsTaken ?? 0),
        slotsLost: sum(({ last }) => last?.mqtt.slotsLost ?? 0),
        sessionsAdopted: sum(({ last }) => last?.mqtt.sessionsAdopted ?? 0),
        fenced: sum(({ last }) => last?.mqtt.fenced ?? 0),
        lateAcks: sum(({ last }) => last?.mqtt.lateAcks ?? 0),
        redelivered: sum(({ last }) => last?.mqtt.redelivered ?? 0),
        publisher: publisher.counters,
      },
    }
  },
}
