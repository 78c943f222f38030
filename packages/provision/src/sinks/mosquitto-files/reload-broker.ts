import { readFile } from 'node:fs/promises'
import { DeviceHubError } from '@devicehub/core'

/** How Mosquitto is told to read its files again: SIGHUP to a process, or whatever the function does. */
export type Reload = { readonly pid: number } | { readonly pidFile: string } | (() => void | Promise<void>)

/** `sink_failed` when that failed: the files are written, but Mosquitto still uses the old ones. */
export async function reloadBroker(reload: Reload): Promise<void> {
  try {
    if (typeof reload === 'function') await reload()
    else process.kill('pid' in reload ? reload.pid : await pidIn(reload.pidFile), 'SIGHUP')
  } catch (cause) {
    const { message } = cause as { message?: unknown }
    throw new DeviceHubError(
      'sink_failed',
      `the files are written, but Mosquitto could not be made to reload them: ${String(message ?? cause)}`,
      { cause },
    )
  }
}

async function pidIn(file: string): Promise<number> {
  const pid = Number((await readFile(file, 'utf8')).trim())
  if (!isPid(pid)) throw new Error(`${file} holds no process id`)
  return pid
}

/** Zero and below mean whole groups of processes, and 1 is the system's first. */
export const isPid = (pid: number): boolean => Number.isInteger(pid) && pid > 1
