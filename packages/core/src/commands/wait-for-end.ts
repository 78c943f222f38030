import { abortSignal, accept, number, optional, options } from '../model/check/index.js'
import { DeviceHubError } from '../model/errors.js'
import type { CommandRecord } from '../ports/commands.js'
import type { CommandTracker, TrackedCommand } from './tracker.js'

/** How long to wait for the end of a command. The command itself goes on, whatever becomes of the waiting. */
export interface WaitOptions {
  /** Seconds, at most 2,147,483; then `command_pending`. Default: until the command has an end, a day at most for one that is only sent while its device is connected. */
  readonly timeout?: number
  /** Rejects with its reason. */
  readonly signal?: AbortSignal
}

/** What a timer can hold. */
const TIMEOUT_MAX = 2_147_483

const WAIT_OPTIONS = options<WaitOptions>({
  timeout: optional(number({ min: 0.001, max: TIMEOUT_MAX })),
  signal: optional(abortSignal),
})

/** The final record. Rejects with `command_pending`, the signal's reason, `command_not_found` or `closed`. `call`: for errors. */
export async function waitForEnd(
  tracker: Pick<CommandTracker, 'wait'>,
  command: TrackedCommand,
  call: string,
  given: WaitOptions,
): Promise<CommandRecord> {
  const { timeout, signal } = accept(call, 'options', WAIT_OPTIONS, given)
  if (timeout === undefined) return tracker.wait(command, signal)
  if (signal?.aborted) throw signal.reason
  const ended = new AbortController()
  const forward = () => ended.abort(signal?.reason)
  const timer = setTimeout(() => ended.abort(stillPending(command, timeout)), timeout * 1000)
  signal?.addEventListener('abort', forward, { once: true })
  try {
    return await tracker.wait(command, ended.signal)
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', forward)
  }
}

const stillPending = ({ id, command, typeKey, deviceId }: TrackedCommand, timeout: number) =>
  new DeviceHubError(
    'command_pending',
    `${command} for ${typeKey} ${deviceId} has no end after ${timeout} s. It still stands: wait for it again, or cancel it`,
    { details: { id, command, type: typeKey, deviceId } },
  )
