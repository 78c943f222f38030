import { waitUntil } from '@devicehub/test-kit'
import { forkScript } from '../forked.js'

export interface Login {
  readonly username: string
  readonly password: string
  readonly clientId: string
}

export interface HealthyConfig {
  readonly port: number
  readonly devices: readonly (Login & { readonly topic: string })[]
  /** Milliseconds between two samples of a device. */
  readonly everyMs: number
}

export interface HealthyReport {
  /** Sequence numbers that the broker confirmed. */
  readonly acknowledged: readonly string[]
  readonly sent: number
  readonly reconnects: number
}

export interface HealthyDevices {
  /** The longest time for which the machine let their process wait since the last call, milliseconds. */
  lateness(): Promise<number>
  end(): Promise<HealthyReport>
}

export async function startHealthy(config: HealthyConfig): Promise<HealthyDevices> {
  const forked = forkScript('./hostile/healthy-process.ts', 'the healthy devices', config)
  const { child } = forked
  let ready = false
  let report: HealthyReport | undefined
  let lateness: number | undefined
  child.on('message', (message: 'ready' | { readonly latenessMs: number } | HealthyReport) => {
    if (message === 'ready') ready = true
    else if ('latenessMs' in message) lateness = message.latenessMs
    else report = message
  })
  await waitUntil('the healthy devices to start', () => ready || !forked.alive, { timeout: '1m' })
  return {
    async lateness() {
      lateness = undefined
      child.send('lateness')
      return waitUntil('the healthy devices to answer', () =>
        lateness === undefined ? null : [lateness],
      ).then(([found]) => found as number)
    },
    async end() {
      child.send('end')
      return waitUntil('the healthy devices to end', () => report, { timeout: '1m' })
    },
  }
}
