import {
  abortSignal,
  anything,
  callback,
  integer,
  Misfit,
  optional,
  options,
  type Rule,
  satisfies,
} from '../model/check/index.js'
import { errorLine } from '../model/codec/text.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { InMilliseconds } from '../model/duration.js'
import { DeviceHubError, type ErrorCode, isDeviceHubError } from '../model/errors.js'
import type { Selector } from '../model/selector/selector.js'
import type { CommandState } from '../model/statuses.js'
import { SEND, type SendOptions } from './send-options.js'

/** Device ids, or those that a selector says when the bulk begins; `{}` is all devices of the type. */
export type BulkTarget<T extends AnyDeviceType = AnyDeviceType> =
  | { readonly deviceIds: Iterable<string> | AsyncIterable<string> }
  | { readonly filter: Selector<T> }

/**
 * How a bulk goes about its devices. What is said of one command (`timeout`, `expiresIn`, ...) holds for each of
 * them.
 */
export interface BulkOptions<Result = unknown> extends SendOptions {
  /** Commands on their way at once, those that wait for their device not counted; default 100. */
  readonly concurrency?: number
  /** After each device. */
  readonly onProgress?: (progress: BulkProgress) => void
  /** What became of each device. A `waiting` one gets its command when it is connected. */
  readonly onResult?: (outcome: BulkOutcome<Result>) => void
  /** Sends no further ones. Those that were sent go on. */
  readonly signal?: AbortSignal
}

/** How far a bulk is. */
export interface BulkProgress {
  /** Devices that have an outcome. */
  readonly done: number
  /** Sent and without an end. */
  readonly running: number
  /** By what became of them; `refused`: not sent, see `onResult`. */
  readonly counts: Readonly<Record<BulkState, number>>
}

/** How the command of one device ended, or that it is `waiting` for its device, or was `refused` and not sent. */
export type BulkState = Exclude<CommandState, 'queued' | 'sent' | 'accepted'> | 'waiting' | 'refused'

/** What became of the command to one device. */
export interface BulkOutcome<Result = unknown> {
  /** Of the device it was for. */
  readonly deviceId: string
  /** Null when nothing was sent. */
  readonly id: string | null
  /** `waiting`: in the ledger until the device is connected. `refused`: not sent, see `error`. */
  readonly state: BulkState
  /** What the device answered; null unless it succeeded. */
  readonly result: Result | null
  /** Why it did not succeed; null when it did, or waits. */
  readonly error: DeviceHubError | null
}

/** What became of a bulk as a whole. */
export interface BulkSummary extends Omit<BulkProgress, 'running'> {
  /** Of the ledger: `commands.list({ batch })`. */
  readonly batch: string
  /** The signal ended it before all devices were gone through. */
  readonly aborted: boolean
}

/** Sends to one device and follows the command until it has an end or waits for its device. */
export type SendOne<Result> = (deviceId: string) => Promise<BulkOutcome<Result>>

export const BULK = options<InMilliseconds<BulkOptions>>({
  ...SEND,
  concurrency: optional(integer({ min: 1, max: 10_000 })),
  onProgress: optional(callback<NonNullable<BulkOptions['onProgress']>>()),
  onResult: optional(callback<NonNullable<BulkOptions['onResult']>>()),
  signal: optional(abortSignal),
})

/** A text is iterable too, and is no list of ids. */
const IDS = satisfies<Iterable<string> | AsyncIterable<string>>(
  'a list of device ids, or something to iterate over',
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    (typeof (value as Partial<Iterable<string>>)[Symbol.iterator] === 'function' ||
      typeof (value as Partial<AsyncIterable<string>>)[Symbol.asyncIterator] === 'function'),
)

const WHOM = options<{
  readonly deviceIds?: Iterable<string> | AsyncIterable<string>
  readonly filter?: Selector
}>({ deviceIds: optional(IDS), filter: optional(anything('a selector')) }, '{ deviceIds } or { filter }')

export const TARGET: Rule<BulkTarget> = {
  expected: WHOM.expected,
  take(value, at) {
    const { deviceIds, filter } = WHOM.take(value, at)
    if (deviceIds !== undefined && filter === undefined) return { deviceIds }
    if (filter !== undefined && deviceIds === undefined) return { filter }
    throw new Misfit(at, `must be ${WHOM.expected}, one of the two`, WHOM.expected)
  },
}

/** Goes through the devices, so many at a time; never holds more of them than that. */
export async function runBulk<Result>(
  deviceIds: Iterable<string> | AsyncIterable<string>,
  batch: string,
  settings: BulkOptions<Result>,
  sendOne: SendOne<Result>,
): Promise<BulkSummary> {
  const { concurrency = 100, onProgress, onResult, signal } = settings
  const counts: Record<BulkState, number> = {
    succeeded: 0,
    failed: 0,
    rejected: 0,
    timed_out: 0,
    expired: 0,
    cancelled: 0,
    waiting: 0,
    refused: 0,
  }
  const running = new Set<Promise<void>>()
  let started = 0
  let done = 0

  async function one(deviceId: string): Promise<void> {
    const outcome = await sendOne(deviceId)
    counts[outcome.state]++
    done++
    try {
      onResult?.(outcome)
      onProgress?.({ done, running: started - done, counts: { ...counts } })
    } catch (cause) {
      throw failed('handler_failed', 'onResult or onProgress threw', cause)
    }
  }

  let failure: { readonly error: unknown } | null = null
  for await (const deviceId of readable(deviceIds)) {
    if (signal?.aborted || failure !== null) break
    started++
    const work: Promise<void> = one(deviceId)
      .catch((error: unknown) => {
        failure ??= { error }
      })
      .finally(() => running.delete(work))
    running.add(work)
    if (running.size >= concurrency) await Promise.race(running)
  }
  await Promise.all(running)
  if (failure !== null) throw (failure as { readonly error: unknown }).error
  return { batch, done, counts, aborted: signal?.aborted ?? false }
}

/** Whatever the caller's source of ids throws, the database's own errors as they are. */
async function* readable(deviceIds: Iterable<string> | AsyncIterable<string>): AsyncGenerator<string> {
  try {
    yield* deviceIds
  } catch (cause) {
    throw failed('invalid_options', 'target.deviceIds could not be read to its end', cause)
  }
}

const failed = (code: ErrorCode, what: string, cause: unknown): DeviceHubError =>
  isDeviceHubError(cause)
    ? cause
    : new DeviceHubError(code, `commands.sendMany: ${what}: ${errorLine(cause)}`, { cause })

/** What is the matter of one device, and not of the call, the database or the hub. */
export const isOfDevice = (error: unknown): error is DeviceHubError =>
  isDeviceHubError(error, 'device_not_found') ||
  isDeviceHubError(error, 'device_inactive') ||
  isDeviceHubError(error, 'device_offline') ||
  isDeviceHubError(error, 'invalid_device_id')
