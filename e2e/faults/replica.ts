import type { IngestStats } from '@devicehub/core'
import type { MqttListenerOptions, MqttListenerStats } from '@devicehub/mqtt-listener'
import { waitUntil } from '@devicehub/test-kit'
import type { Target } from './database.js'
import { forkScript } from './forked.js'

export interface ReplicaConfig {
  readonly url: string
  /** Absent with `slots`: then `name` is what the run calls it. */
  readonly clientId?: string
  readonly name?: string
  /** Of replicas with client ids by hand. */
  readonly sharedGroup?: string
  readonly slots?: NonNullable<MqttListenerOptions['slots']>
  readonly target: Target
  readonly protocolVersion?: 4 | 5
  readonly window?: number
  readonly maxBatch?: number
  readonly verbose?: boolean
}

export type ReplicaCommand =
  | { readonly do: 'stop'; readonly endSession: boolean }
  | { readonly do: 'endSessionsOf'; readonly clientId: string }
  | { readonly do: 'freezeBeforeCommit'; readonly messages: number }

/** A commit before which the process froze itself. */
export interface LateCommit {
  readonly messages: number
  /** Acknowledgements sent until then. */
  readonly acknowledged: number
  /** Code of the error; null: it was taken; undefined: not answered yet. */
  readonly error?: string | null
}

export interface ReplicaReport {
  readonly event: 'ready' | 'stats' | 'adopted' | 'armed' | 'stopped' | 'failed'
  /** By the clock of `monotonic()`. */
  readonly at: number
  readonly error?: string | undefined
  readonly mqtt: Omit<MqttListenerStats, 'brokers'>
  readonly ingest: IngestStats
  readonly late: LateCommit | null
  readonly rss: number
}

export interface Replica {
  /** Its client id, or its name. */
  readonly clientId: string
  readonly pid: number
  readonly alive: boolean
  /** Whether it has started. */
  readonly started: boolean
  readonly frozen: boolean
  /** The last report; undefined before the first. */
  readonly last: ReplicaReport | undefined
  readonly peakRss: number
  ready(): Promise<void>
  onReport(listener: (report: ReplicaReport) => void): void
  /** Resolves with a report that was made later than now. */
  nextReport(): Promise<ReplicaReport>
  /** SIGKILL; true when that is what ended it. */
  kill(): Promise<boolean>
  /** SIGSTOP; true when the system says that it stands still. */
  freeze(): Promise<boolean>
  /** Waits until it stands still, by whatever hand. */
  stoodStill(): Promise<void>
  resume(): void
  stop(options?: { readonly endSession?: boolean }): Promise<ReplicaReport>
  endSessionsOf(clientId: string): Promise<void>
  /** It freezes itself (SIGSTOP) right before its next commit of at least so many messages goes to the database. */
  freezeBeforeCommit(messages: number): Promise<void>
}

/** Starts a listener in a process of its own. */
export function startReplica(config: ReplicaConfig): Replica {
  const name = config.name ?? config.clientId ?? 'replica'
  const forked = forkScript('./replica-process.ts', name, config)
  const { child, pid, kill } = forked
  let last: ReplicaReport | undefined
  let peakRss = 0
  let frozen = false
  const seen = new Set<string>()
  const listeners: ((report: ReplicaReport) => void)[] = []
  let failure: string | undefined
  child.on('message', (message: ReplicaReport) => {
    last = message
    peakRss = Math.max(peakRss, message.rss)
    seen.add(message.event)
    if (message.event === 'failed') failure = message.error
    for (const listener of listeners) listener(message)
  })
  async function expectEvent(event: ReplicaReport['event']): Promise<void> {
    await waitUntil(
      `${name} to be ${event}`,
      () => seen.has(event) || failure !== undefined || !forked.alive,
      {
        timeout: '2m',
      },
    )
    if (!seen.has(event))
      throw new Error(
        `${name} did not get to "${event}": ${failure ?? `it ended with ${child.exitCode ?? child.signalCode}`}`,
      )
  }

  const request = (command: ReplicaCommand, event: ReplicaReport['event']) => {
    seen.delete(event)
    child.send(command)
    return expectEvent(event)
  }

  async function stoodStill(): Promise<void> {
    await forked.stoodStill()
    frozen = true
  }

  return {
    clientId: name,
    pid,
    get alive() {
      return forked.alive
    },
    get started() {
      return seen.has('ready')
    },
    get frozen() {
      return frozen
    },
    get last() {
      return last
    },
    get peakRss() {
      return peakRss
    },
    ready: () => expectEvent('ready'),
    onReport: (listener) => void listeners.push(listener),
    nextReport() {
      const from = last?.at ?? 0
      return waitUntil(`a report of ${name}`, () =>
        last !== undefined && last.at > from + 1 ? last : undefined,
      )
    },
    kill,
    async freeze() {
      await forked.freeze()
      frozen = true
      return frozen
    },
    stoodStill,
    resume() {
      frozen = false
      forked.resume()
    },
    async stop({ endSession = false } = {}) {
      await request({ do: 'stop', endSession }, 'stopped')
      await forked.ended()
      return last as ReplicaReport
    },
    endSessionsOf: (clientId) => request({ do: 'endSessionsOf', clientId }, 'adopted'),
    freezeBeforeCommit: (messages) => request({ do: 'freezeBeforeCommit', messages }, 'armed'),
  }
}
