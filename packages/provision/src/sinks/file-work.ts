import { DeviceHubError } from '@devicehub/core'
import { inTurn } from '../in-turn.js'

/** What a sink that writes files does: one thing after the other, until it is closed. */
export interface FileWork {
  /** What the file system says becomes `sink_failed`, with the file and what was tried. `closed` once it is closed. */
  run<T>(task: () => Promise<T>): Promise<T>
  /** Waits for what runs. */
  close(): Promise<void>
}

export function createFileWork(sink: string): FileWork {
  const turn = inTurn()
  let closed = false
  return {
    run: (task) =>
      closed
        ? Promise.reject(new DeviceHubError('closed', `the sink ${sink} is closed`))
        : turn(() => withFileErrors(sink, task)),
    close() {
      closed = true
      return turn(async () => {})
    },
  }
}

async function withFileErrors<T>(sink: string, task: () => Promise<T>): Promise<T> {
  try {
    return await task()
  } catch (cause) {
    const { syscall, message } = cause as { syscall?: unknown; message?: unknown }
    if (typeof syscall !== 'string') throw cause
    throw new DeviceHubError('sink_failed', `${sink}: ${String(message)}`, { cause })
  }
}
