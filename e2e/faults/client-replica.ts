import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { ClientStats } from '@devicehub/client'
import { waitUntil } from '@devicehub/test-kit'

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

const script = fileURLToPath(new URL('./client-process.ts', import.meta.url))

/** Starts a device in a process of its own. */
export function startClient(config: ClientConfig): ClientReplica {
  const child: ChildProcess = fork(script, [JSON.stringify(config)], {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  let last: ClientReport | undefined
  child.on('message', (report: ClientReport) => {
    last = report
  })
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  const alive = () => child.exitCode === null && child.signalCode === null
  return {
    get alive() {
      return alive()
    },
    get last() {
      return last
    },
    async recorded(count) {
      await waitUntil(
        'the device to record',
        () => !alive() || last?.failure || (last?.recorded ?? 0) >= count,
        {
          timeout: 120_000,
          interval: 5,
        },
      )
      if (!alive() || last?.failure) throw new Error(`the device failed: ${last?.failure ?? child.exitCode}`)
    },
    async kill() {
      child.kill('SIGKILL')
      const [, signal] = await ended
      return signal === 'SIGKILL'
    },
    async stop() {
      child.send('stop')
      await ended
      return last as ClientReport
    },
  }
}
