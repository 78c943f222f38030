import { DeviceHubError } from '@devicehub/core'

/** What the file system says, as `sink_failed`: its message names the file and what was tried. */
export async function withFileErrors<T>(sink: string, task: () => Promise<T>): Promise<T> {
  try {
    return await task()
  } catch (cause) {
    const { syscall, message } = cause as { syscall?: unknown; message?: unknown }
    if (typeof syscall !== 'string') throw cause
    throw new DeviceHubError('sink_failed', `${sink}: ${String(message)}`, { cause })
  }
}
