import type { ClientStats } from '@devicehub/client'
import { waitUntil } from '@devicehub/test-kit'
import { forkScript } from './forked.js'

export interface ClientConfig {
  readonly url: string
  readonly folder: string
  readonly ledger: string
  /** Samples a second. */
  readonly rate: number
}

export interface ClientReport {
  readonly event: 'stats' | 'stopped'
  /** Samples this process has confirmed. */
  readonly recorded: number
  readonly failure: string | null
  readonly stats: ClientStats
}

export interface ClientReplica {
  readonly alive: boolean
  /** The last report; undefined before the first. */
  readonly last: ClientReport | undefined
  /** Waits until it has confirmed so many samples. */
  recorded(count: number): Promise<void>
  /** SIGKILL; true when that is what ended it. */
  kill(): Promise<boolean>
  /** Stops sampling and closes the client. */
  stop(): Promise<ClientReport>
}

/** Starts a device in a process of its own. */
export function startClient(config: ClientConfig): ClientReplica {
  const forked = forkScript('./client-process.ts', 'the device', config)
  const { child, kill } = forked
  let last: ClientReport | undefined
  child.on('message', (report: ClientReport) => {
    last = report
  })
  return {
    get alive() {
      return forked.alive
    },
    get last() {
      return last
    },
    async recorded(count) {
      await waitUntil(
        'the device to record',
        () => !forked.alive || last?.failure || (last?.recorded ?? 0) >= count,
        {
          timeout: '2m',
          interval: '5ms',
        },
      )
      if (!forked.alive || last?.failure)
        throw new Error(`the device failed: ${last?.failure ?? child.exitCode}`)
    },
    kill,
    async stop() {
      child.send('stop')
      await forked.ended()
      return last as ClientReport
    },
  }
}
