import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { waitUntil } from '@devicehub/test-kit'
import { processState } from './process-state.js'

/** A process of a fault run, to talk to, to kill and to freeze. */
export interface Forked {
  readonly child: ChildProcess
  readonly pid: number
  readonly alive: boolean
  ended(): Promise<void>
  /** SIGKILL; true when that is what ended it. */
  kill(): Promise<boolean>
  /** SIGSTOP, and waits until it stands still. */
  freeze(): Promise<void>
  /** Waits until it stands still, by whatever hand. */
  stoodStill(): Promise<void>
  resume(): void
}

/** Starts a script of this folder, with its configuration as JSON. */
export function forkScript(script: string, name: string, config: object): Forked {
  const child = fork(fileURLToPath(new URL(script, import.meta.url)), [JSON.stringify(config)], {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  // Else a run that is interrupted leaves a frozen process behind: it cannot see its parent go.
  const killWithParent = () => void child.kill('SIGKILL')
  process.once('exit', killWithParent)
  child.once('exit', () => process.off('exit', killWithParent))
  const exit = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  const pid = child.pid as number

  async function stoodStill(): Promise<void> {
    await waitUntil(`${name} to stand still`, () => processState(pid) === 'T', { interval: '5ms' })
  }

  return {
    child,
    pid,
    get alive() {
      return child.exitCode === null && child.signalCode === null
    },
    async ended() {
      await exit
    },
    async kill() {
      child.kill('SIGKILL')
      const [, signal] = await exit
      return signal === 'SIGKILL'
    },
    async freeze() {
      child.kill('SIGSTOP')
      await stoodStill()
    },
    stoodStill,
    resume: () => void child.kill('SIGCONT'),
  }
}
