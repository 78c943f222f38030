import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { IngestStats } from '@devicehub/core'
import type { MqttListenerStats } from '@devicehub/mqtt-listener'
import { waitUntil } from '@devicehub/test-kit'
import type { Target } from './database.js'

export interface ReplicaConfig {
  readonly url: string
  readonly clientId: string
  readonly target: Target
  readonly protocolVersion?: 4 | 5
  readonly window?: number
  readonly maxBatch?: number
  readonly verbose?: boolean
}

export type ReplicaCommand =
  | { readonly do: 'stop'; readonly leave: boolean }
  | { readonly do: 'adopt'; readonly clientId: string }

export interface ReplicaReport {
  readonly event: 'ready' | 'stats' | 'adopted' | 'stopped' | 'failed'
  readonly error?: string | undefined
  readonly mqtt: Omit<MqttListenerStats, 'brokers'>
  readonly ingest: IngestStats
  readonly rss: number
}

export interface Replica {
  readonly clientId: string
  readonly alive: boolean
  /** The last report; undefined before the first. */
  readonly last: ReplicaReport | undefined
  readonly peakRss: number
  ready(): Promise<void>
  /** SIGKILL; true when that is what ended it. */
  kill(): Promise<boolean>
  stop(options?: { readonly leave?: boolean }): Promise<ReplicaReport>
  adopt(clientId: string): Promise<void>
}

const script = fileURLToPath(new URL('./replica-process.ts', import.meta.url))

/** Starts a listener in a process of its own. */
export function startReplica(config: ReplicaConfig): Replica {
  const child: ChildProcess = fork(script, [JSON.stringify(config)], {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  let last: ReplicaReport | undefined
  let peakRss = 0
  const seen = new Set<string>()
  let failure: string | undefined
  child.on('message', (message: ReplicaReport) => {
    last = message
    peakRss = Math.max(peakRss, message.rss)
    seen.add(message.event)
    if (message.event === 'failed') failure = message.error
  })
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  const alive = () => child.exitCode === null && child.signalCode === null

  async function expectEvent(event: ReplicaReport['event']): Promise<void> {
    await waitUntil(
      `${config.clientId} to be ${event}`,
      () => seen.has(event) || failure !== undefined || !alive(),
      { timeout: 120_000 },
    )
    if (!seen.has(event))
      throw new Error(
        `${config.clientId} did not get to "${event}": ${failure ?? `it ended with ${child.exitCode ?? child.signalCode}`}`,
      )
  }

  return {
    clientId: config.clientId,
    get alive() {
      return alive()
    },
    get last() {
      return last
    },
    get peakRss() {
      return peakRss
    },
    ready: () => expectEvent('ready'),
    async kill() {
      child.kill('SIGKILL')
      const [, signal] = await ended
      return signal === 'SIGKILL'
    },
    async stop({ leave = false } = {}) {
      child.send({ do: 'stop', leave } satisfies ReplicaCommand)
      await expectEvent('stopped')
      await ended
      return last as ReplicaReport
    },
    async adopt(clientId) {
      seen.delete('adopted')
      child.send({ do: 'adopt', clientId } satisfies ReplicaCommand)
      await expectEvent('adopted')
    },
  }
}
