import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, chownSync, closeSync, mkdtempSync, openSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DeviceHubError } from '@devicehub/core'
import * as check from '@devicehub/core/check'
import { port } from '../option-rules.js'
import { freePort, isFreePort } from './free-port.js'
import { isAlive, processTree, signalAll } from './process-tree.js'
import type { RunAs } from './run-as.js'
import { waitUntil } from './wait-until.js'
import { startWatchdog, type Watchdog } from './watchdog.js'

/** A private server on a loopback port, with its data in a temporary folder. */
export interface Service extends AsyncDisposable {
  /** The service's name, such as `mosquitto`. */
  readonly name: string
  /** Always `127.0.0.1`. */
  readonly host: '127.0.0.1'
  /** The port it listens on. It stays the same over `restart()`. */
  readonly port: number
  /** The URL to connect with, such as `mqtt://127.0.0.1:20123`. */
  readonly url: string
  /** Its configuration, data and log. Removed by `close()`. */
  readonly folder: string
  /** Process id of the running server; undefined while it is down. */
  readonly pid: number | undefined
  /** Shuts it down and removes its folder. Calling it again does nothing. */
  close(): Promise<void>
  /** Shuts it down in an orderly way and keeps its data for `restart()`. */
  shutdown(): Promise<void>
  /** Sends SIGKILL to it and to every process it started. Its data stays for `restart()`. */
  kill(): Promise<void>
  /** Starts it on the same port and data and waits until it answers. Shuts it down first if it is running. */
  restart(): Promise<void>
  /** Suspends it (SIGSTOP): connections stay open and nothing answers. */
  pause(): void
  /** Continues it after `pause()` (SIGCONT). */
  resume(): void
  /** What the server has written to its log so far. */
  logs(): string
}

/** Options that every `start` function takes. */
export interface ServiceOptions {
  /** The port to listen on. Default: a free one. */
  readonly port?: number
}

export const SERVICE_OPTIONS: check.OptionRules<ServiceOptions> = { port: check.optional(port) }

export interface ServicePlan {
  readonly name: string
  readonly port?: number | undefined
  readonly runAs?: RunAs | undefined
  /** Default SIGTERM. */
  readonly stopSignal?: NodeJS.Signals
  /** Once, before the first start: write the configuration and the data folder. */
  prepare?(place: ServicePlace): void | Promise<void>
  command(place: ServicePlace): { file: string; args: readonly string[]; env?: NodeJS.ProcessEnv }
  /** One probe: rejects or returns false while the server does not answer yet. */
  ready(place: ServicePlace): Promise<unknown>
  url(place: ServicePlace): string
}

export interface ServicePlace {
  readonly folder: string
  readonly port: number
}

/** Starts what the plan says and waits until it answers. */
export async function startService(plan: ServicePlan): Promise<Service> {
  const folder = mkdtempSync(join(tmpdir(), `devicehub-${plan.name}-`))
  const watchdog = startWatchdog(folder)
  chmodSync(folder, 0o700)
  if (plan.runAs) chownSync(folder, plan.runAs.uid, plan.runAs.gid)
  try {
    const place = { folder, port: plan.port ?? (await freePort()) }
    await plan.prepare?.(place)
    const service = serviceOf(plan, place, watchdog)
    await service.restart()
    return service
  } catch (error) {
    await watchdog.release()
    throw error
  }
}

function serviceOf(plan: ServicePlan, place: ServicePlace, watchdog: Watchdog): Service {
  const { folder, port } = place
  const logFile = join(folder, 'log')
  let child: ChildProcess | undefined
  let removed = false

  const running = () =>
    child?.pid !== undefined && child.exitCode === null && child.signalCode === null ? child : undefined
  const logs = () => {
    try {
      return readFileSync(logFile, 'utf8')
    } catch {
      return ''
    }
  }

  const launch = () => {
    const { file, args, env } = plan.command(place)
    const log = openSync(logFile, 'a')
    try {
      child = spawn(file, args, {
        cwd: folder,
        detached: true,
        env: env ?? process.env,
        stdio: ['ignore', log, log],
        ...plan.runAs,
      })
    } finally {
      closeSync(log)
    }
    child.on('error', () => {})
    child.unref()
    if (child.pid !== undefined) watchdog.watch([-child.pid])
  }

  const ended = async (pids: readonly number[]) => {
    await waitUntil(`${plan.name} to end`, () => !pids.some(isAlive) && !running())
    watchdog.watch([])
  }

  const start = async () => {
    // Otherwise another process on the port would answer the probe, and the end of this server would go unnoticed.
    if (!(await isFreePort(port)))
      throw new DeviceHubError('transport_unavailable', `${plan.name} did not start: port ${port} is in use`)
    launch()
    try {
      await waitUntil(
        `${plan.name} to answer on port ${port}`,
        async () => !running() || (await plan.ready(place)) !== false,
        { timeout: '2m' },
      )
      if (!running()) throw new Error(`it ended with ${child?.exitCode ?? child?.signalCode ?? 'no process'}`)
    } catch (cause) {
      await kill()
      const message = `${plan.name} did not start on port ${port}: ${(cause as Error).message}\n${logs().slice(-4000)}`
      throw new DeviceHubError('transport_unavailable', message, { cause })
    }
  }

  const kill = async () => {
    const pid = running()?.pid
    if (pid === undefined) return
    const pids = processTree(pid)
    signalAll(pids, 'SIGKILL')
    await ended(pids)
  }

  const shutdown = async () => {
    const pid = running()?.pid
    if (pid === undefined) return
    const pids = processTree(pid)
    signalAll(pids, 'SIGCONT')
    signalAll([pid], plan.stopSignal ?? 'SIGTERM')
    try {
      await ended(pids)
    } catch (error) {
      await kill()
      throw error
    }
  }

  const stop = async () => {
    if (removed) return
    removed = true
    try {
      await shutdown()
    } finally {
      await watchdog.release()
    }
  }

  const mustRun = () => {
    const pid = running()?.pid
    if (pid === undefined) throw new DeviceHubError('closed', `${plan.name} on port ${port} is not running`)
    return processTree(pid)
  }

  return {
    name: plan.name,
    host: '127.0.0.1',
    port,
    folder,
    url: plan.url(place),
    get pid() {
      return running()?.pid
    },
    close: stop,
    shutdown,
    kill,
    async restart() {
      if (removed) throw new DeviceHubError('closed', `${plan.name} was stopped and its folder removed`)
      await shutdown()
      await start()
    },
    pause() {
      const pids = mustRun()
      // A suspended child does not notice the end of its parent: the watchdog needs the id of each.
      watchdog.watch([-(pids[0] as number), ...pids])
      signalAll(pids, 'SIGSTOP')
    },
    resume: () => signalAll(mustRun(), 'SIGCONT'),
    logs,
    [Symbol.asyncDispose]: stop,
  }
}
