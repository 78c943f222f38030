import type { CloseOptions } from '../model/check/close-options.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { InferReadings } from '../model/device-type/infer.js'
import type { Duration } from '../model/duration.js'
import type { MessageInfo, MessageRef, MessageStatus } from '../model/message.js'
import type { Channel } from '../model/topic/index.js'

/** Where a consumer begins when its name is new; later it goes on where it was. */
export type ConsumeFrom = 'beginning' | 'now' | Date

/** What a consumer reads, and how it goes about failures. */
export interface ConsumeOptions<T extends AnyDeviceType = AnyDeviceType> {
  /** Default: every type of the hub. */
  readonly types?: readonly T[]
  /** Also the messages that belong to no known type. Default false. */
  readonly unrouted?: boolean
  /** Default: every channel. */
  readonly channels?: readonly Channel[]
  /** Default `['processed']`: what was neither a duplicate nor refused. */
  readonly statuses?: readonly MessageStatus[]
  /** Default `now`. */
  readonly from?: ConsumeFrom
  /** Log rows a batch at most, 1 to 10,000; default: what the storage prefers, else 500. Up to two are in memory. */
  readonly maxBatch?: number
  /** Bytes a batch at most, of what its log rows hold; a larger message is a batch of its own. Default 8 MiB. Up to two batches are in memory. */
  readonly maxBatchBytes?: number
  /** How often and how long a batch is tried again. */
  readonly retry?: ConsumeRetry
  /** After so long `batch.signal` is aborted and a line is logged, should the handler still run; default 5 min. */
  readonly timeout?: Duration
  /** How long there may be no sign of life of the process that runs it until another one takes over; default 15 s, at least 1 s. */
  readonly lease?: Duration
  /** How long an idle consumer waits at most before it looks at the database again; default 1 s. What this process stores wakes it at once. */
  readonly pollInterval?: Duration
  /** More rows than this process knew of were deleted before they were read; when it takes the consumer up, all so far. */
  readonly onGap?: (gap: { readonly missed: number }) => void
}

/** How a failing handler is tried again. */
export interface ConsumeRetry {
  /** Calls with a message alone until it is set aside, 1 or more; default 5. */
  readonly tries?: number
  /** The pause before the second try; doubles up to `max`. Default 500 ms; at most 1 min. */
  readonly min?: Duration
  /** The longest pause; default 30 s. */
  readonly max?: Duration
  /**
   * Whether the error says that something the handler needs is away: then it is tried again for as long as it takes,
   * and nothing is set aside. Default: the retryable errors of this project.
   */
  readonly isTransient?: (error: unknown) => boolean
}

/** Handles a batch. The batch is done when what it returns has resolved; what it throws has the batch tried again. */
export type ConsumeHandler<T extends AnyDeviceType = AnyDeviceType> = (batch: ConsumedBatch<T>) => unknown

/** Messages that are handled together. */
export interface ConsumedBatch<T extends AnyDeviceType = AnyDeviceType> {
  /** At least one; in the order of the log. */
  readonly messages: readonly ConsumedMessage<T>[]
  /** Aborted when this process must stop: the lease is lost, the hub closes, the time is over. Pass it to what you call. */
  readonly signal: AbortSignal
  /** 1 at first; more when the same messages are tried again. */
  readonly attempt: number
}

/** A row of the log. */
export interface ConsumedMessage<T extends AnyDeviceType = AnyDeviceType> {
  /** The same for good, each time it is handed over: store it with your effects and a second time is recognised. */
  readonly key: string
  /** For `hub.messages.get`. */
  readonly ref: MessageRef
  /** Null: it belongs to no known type. */
  readonly type: T | null
  /** Null: the topic names none. */
  readonly deviceId: string | null
  /** Null: the topic names none. */
  readonly channel: Channel | null
  /** When the hub received it. */
  readonly receivedAt: Date
  /** The audit row as it is, as `hub.messages.get` gives it. */
  readonly row: MessageInfo
  /** What the device sent, decoded; undefined when it cannot be. */
  readonly payload: unknown
  /** The samples of a `data` message, typed; empty for any other. */
  readonly samples: readonly ConsumedSample<InferReadings<T>>[]
}

/** A sample of a message. */
export interface ConsumedSample<Readings = Readonly<Record<string, unknown>>> {
  /** By name; a reading that was not sent is absent. */
  readonly readings: Readings
  /** When it was measured, or received if the device sent no time. */
  readonly measuredAt: Date
  /** The id the device gave it. */
  readonly sampleId: string | null
  /** `out_of_range:<reading>`, `clock_skew` and the like. */
  readonly flags: readonly string[]
}

/** A consumer in this process. It may stand by while another process runs it. */
export interface Consumer extends AsyncDisposable {
  /** As given to `hub.consume`. */
  readonly name: string
  /** Of this process. */
  stats(): ConsumerStats
  /**
   * Waits for the handler that runs, at most `timeout` (default 10 s), then aborts its signal and lets
   * the lease expire. Another process goes on.
   */
  close(options?: CloseOptions): Promise<void>
}

/** `standby`: another process runs it. `retrying`: the handler failed, or the database is away. */
export type ConsumerState = 'starting' | 'standby' | 'running' | 'retrying' | 'closed'

/** Of this process, since it started. */
export interface ConsumerStats {
  /** What this process does with it now. */
  readonly state: ConsumerState
  /** Of the lease, while this process runs it. */
  readonly epoch: number | null
  /** Its place in the log; null: the beginning. */
  readonly cursor: string | null
  /** Messages the handler resolved for. */
  readonly handled: number
  /** Calls of the handler that failed. */
  readonly failures: number
  /** Messages set aside. */
  readonly setAside: number
  /** Messages that were set aside and then handled on request. */
  readonly retried: number
  /** Batches that were handled here and not recorded, since another process had taken over: it handles them again. */
  readonly fenced: number
  /** Rows that were deleted before they were read, over all processes. */
  readonly missed: number
  /** Milliseconds since the last message handled was received, while there is more to read; 0 when all is read. */
  readonly lagMs: number
  /** What failed last; null: nothing did. */
  readonly lastError: unknown
}
