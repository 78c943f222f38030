import type { ConsumerStats } from '@devicehub/core'
import { waitUntil } from '@devicehub/test-kit'
import type { Target } from './database.js'
import { forkScript } from './forked.js'

export interface ConsumerConfig {
  readonly name: string
  readonly target: Target
  /** The file its batches are written to. */
  readonly ledger: string
  readonly batch: number
  /** Seconds. */
  readonly lease: number
}

export type ConsumerCommand = { readonly do: 'hold' | 'release' | 'stop' }

export interface ConsumerReport {
  readonly event: 'stats' | 'holding' | 'stopped'
  readonly stats: ConsumerStats
}

export interface ConsumerReplica {
  readonly name: string
  readonly alive: boolean
  /** The last report; undefined before the first. */
  readonly stats: ConsumerStats | undefined
  /** Has the handler stay in its next batch, after it was written down; resolves when it does. */
  hold(): Promise<void>
  release(): void
  /** SIGKILL; true when that is what ended it. */
  kill(): Promise<boolean>
  freeze(): Promise<void>
  resume(): void
  stop(): Promise<void>
}

export function startConsumer(config: ConsumerConfig): ConsumerReplica {
  const forked = forkScript('./consumer-process.ts', config.name, config)
  const { child, kill, freeze, resume } = forked
  let stats: ConsumerStats | undefined
  let holding = 0
  child.on('message', (report: ConsumerReport) => {
    stats = report.stats
    if (report.event === 'holding') holding++
  })
  const send = (command: ConsumerCommand) => child.send(command)
  return {
    name: config.name,
    get alive() {
      return forked.alive
    },
    get stats() {
      return stats
    },
    async hold() {
      const before = holding
      send({ do: 'hold' })
      await waitUntil(`${config.name} to be in its handler`, () => holding > before, { timeout: '2m' })
    },
    release: () => void send({ do: 'release' }),
    kill,
    freeze,
    resume,
    async stop() {
      send({ do: 'stop' })
      await forked.ended()
    },
  }
}
