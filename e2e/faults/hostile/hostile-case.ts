import { drained } from '../drain.js'
import type { FaultCase } from '../fault-case.js'
import { type Arena, openArena, SERVICE } from './arena.js'
import { startHealthy } from './healthy.js'
import { type AttackedHub, type HubStats, startHub } from './hub.js'
import type { Delays } from './measured.js'

export interface Attack {
  readonly arena: Arena
  readonly hub: AttackedHub
  readonly quick: boolean
  readonly say: (line: string) => void
}

export interface AttackResult {
  /** Hostile messages, connections or calls. */
  readonly injected: number
  /** Of these, how many left the mark that the hub should leave of them. */
  readonly observed: number
  /** What should have been and was not, one sentence each. */
  readonly broken?: readonly string[]
  readonly details?: Readonly<Record<string, unknown>>
}

export interface HostileCase {
  readonly name: string
  /** Of the hub's listener; default: it is alone. */
  readonly group?: string
  /** Of the hub's listener; default 5. */
  readonly protocolVersion?: 4 | 5
  /** Called before the hub starts. */
  before?(arena: Arena, quick: boolean): Promise<void>
  attack(attack: Attack): Promise<AttackResult>
}

/** Milliseconds by which an attack may hold up a sample of a healthy device. */
const DELAY_MAX = 1_000

/**
 * Twenty devices send a sample every 50 ms each while something hostile happens beside them. Of them nothing may be lost,
 * nothing stored twice, and no sample held up by more than a second over what it takes in peace, from the device's hands
 * to the commit (less what the machine itself was late by); and the process lives.
 */
export const hostileCase = ({
  name,
  group,
  protocolVersion = 5,
  before,
  attack,
}: HostileCase): FaultCase => ({
  name,
  async run({ quick, say }) {
    await using arena = await openArena()
    await before?.(arena, quick)
    const { target, secret, broker } = arena
    const config = { url: broker.url, ...SERVICE, target, secret, protocolVersion, group: group ?? null }
    const hub = await startHub({ ...config, verbose: process.env.DEVICEHUB_VERBOSE === '1' })
    const healthy = await startHealthy({ port: broker.port, devices: arena.healthy, everyMs: 50 })
    await sleep(2_000)
    await hub.take()
    await sleep(quick ? 3_000 : 10_000)
    const peace = await hub.take()
    await healthy.lateness()
    const { injected, observed, broken = [], details } = await attack({ arena, hub, quick, say })
    await sleep(1_000)
    const war = await hub.take()
    const machineMs = await healthy.lateness()
    const { acknowledged, sent, reconnects } = await healthy.end()
    const result = await drained(target, new Set(acknowledged), sent)
    const stats = await hub.stats()
    const lived = hub.forked.alive
    await hub.ask({ do: 'stop' })
    await hub.forked.ended()
    const violations = [
      ...broken,
      ...rules({ peace: peace.delays, war: war.delays, machineMs }, stats, lived),
      ...(hub.forked.child.exitCode === 0 ? [] : [`the process ended with ${hub.forked.child.exitCode}`]),
    ]
    return {
      injected,
      observed,
      ...result,
      violations: violations.length,
      details: {
        ...(violations.length > 0 && { broken: violations }),
        addedDelayMs: Math.max(0, war.delays.max - peace.delays.max),
        machineMs,
        inPeace: { ...peace.delays, loopMaxMs: peace.loopMaxMs },
        underAttack: { ...war.delays, loopMaxMs: war.loopMaxMs },
        healthyReconnects: reconnects,
        rssMb: Math.round(stats.rss / 1e6),
        ...details,
      },
    }
  },
})

interface Measured {
  readonly peace: Delays
  readonly war: Delays
  /** For how long the machine let a process wait that has nothing to do with the attack. */
  readonly machineMs: number
}

function rules({ peace, war, machineMs }: Measured, { log }: HubStats, lived: boolean): string[] {
  const broken: string[] = []
  if (!lived) broken.push('the process of the hub is gone')
  if (war.samples === 0) broken.push('no healthy sample was stored under attack')
  if (war.max - peace.max - machineMs > DELAY_MAX)
    broken.push(
      `a healthy sample took ${war.max} ms, in peace ${peace.max} ms; the machine was late by ${machineMs} ms`,
    )
  if (log.uncleanCount > 0)
    broken.push(`${log.uncleanCount} log texts are not printable or too long: ${log.unclean.join(' ')}`)
  return broken
}

export const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))
