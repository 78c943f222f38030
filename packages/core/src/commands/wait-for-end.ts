import { abortSignal, accept, duration, optional, options } from '../model/check/index.js'
import type { Duration, InMilliseconds } from '../model/duration.js'
import { DeviceHubError } from '../model/errors.js'
import type { CommandRecord } from '../ports/commands.js'
import type { CommandTracker, TrackedCommand } from './tracker.js'

/** How long to wait for the end of a command. The command itself goes on, whatever becomes of the waiting. */
export interface WaitOptions {
  /** How long, at most 24 days; then `command_pending`. Default: until the command has an end, a day at most for one that is only sent while its device is connected. */
  readonly timeout?: Duration
  /** Rejects with its reason. */
  readonly signal?: AbortSignal
}

const WAIT_OPTIONS = options<InMilliseconds<WaitOptions>>({
  timeout: optional(duration({ min: '1ms', max: '24d' })),
  signal: optional(abortSignal),
})

/** The final record. Rejects with `command_pending`, the signal's reason, `command_not_found` or `closed`. `call`: for errors. */
export async function waitForEnd(
  tracker: Pick<CommandTracker, 'wait'>,
  command: TrackedCommand,
  call: string,
  given: WaitOptions,
): Promise<CommandRecord> {
  const { timeout: timeoutMs, signal } = accept(call, 'options', WAIT_OPTIONS, given)
  if (timeoutMs === undefined) return tracker.wait(command, signal)
  if (signal?.aborted) throw signal.reason
  const ended = new AbortController()
  const forward = () => ended.abort(signal?.reason)
  const timer = setTimeout(() => ended.abort(stillPending(command, timeoutMs)), timeoutMs)
  signal?.addEventListener('abort', forward, { once: true })
  try {
    return await tracker.wait(command, ended.signal)
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', forward)
  }
}

const stillPending = ({ id, command, typeKey, deviceId }: TrackedCommand, timeoutMs: number) =>
  new DeviceHubError(
    'command_pending',
    `${command} for ${typeKey} ${deviceId} has no end after ${timeoutMs / 1000} s. It still stands: wait for it again, or cancel it`,
    { details: { id, command, type: typeKey, deviceId } },
  )
