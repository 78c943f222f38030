import type { MessageRef } from '../model/message.js'
import type { Page, PageRequest } from './page.js'

/** The places of durable consumers in the log, and the messages they set aside. */
export interface ConsumerStore {
  /** All there are, by name. */
  list(): Promise<readonly ConsumerRecord[]>
  /** Null when there is none of that name. */
  get(name: string): Promise<ConsumerRecord | null>
  /**
   * Creates it at `cursor` if it does not exist, and makes `epoch` its writer: the record, or null when a later epoch
   * is. `typeKeys` replace the former ones; the cursor of an existing one stays.
   */
  open(start: ConsumerStart): Promise<ConsumerRecord | null>
  /**
   * Moves the cursor and sets messages aside, in one transaction. False, and nothing is written, when `epoch` is not
   * the writer any more or the cursor is not at `from`.
   */
  advance(step: ConsumerStep): Promise<boolean>
  /** Moves the cursor, whoever is the writer; clears nothing else. False when there is none of that name. */
  seek(name: string, cursor: string | null, now: number): Promise<boolean>
  /** With the messages it set aside. False when there was none. */
  delete(name: string): Promise<boolean>
  /** Oldest first. */
  failures(name: string, page: PageRequest): Promise<Page<ConsumerFailure>>
  /** Asks the writer to try them again: one, or with null all. How many. */
  requestRetry(name: string, ref: MessageRef | null): Promise<number>
  /** Those that are to be tried again, oldest first. */
  dueRetries(name: string, limit: number): Promise<readonly ConsumerFailure[]>
  /**
   * After a retry: gone when it worked (`failure` null), else with its new error and no longer due. False, and nothing
   * is written, when `epoch` is not the writer any more.
   */
  settleRetry(
    writer: { readonly name: string; readonly epoch: number },
    ref: MessageRef,
    failure: NewFailure | null,
  ): Promise<boolean>
  /** Forgets one: it will not be tried again. False when there was none. */
  skip(name: string, ref: MessageRef): Promise<boolean>
}

/** A consumer as the database has it. Times are epoch milliseconds. */
export interface ConsumerRecord {
  /** Unique. */
  readonly name: string
  /** The tables it reads; null stands for `devicehub_message`. */
  readonly typeKeys: readonly (string | null)[]
  /** Of `storage.log`; null is the beginning. */
  readonly cursor: string | null
  /** Of the lease of its writer. */
  readonly epoch: number
  /** Log rows it has passed, for good. */
  readonly passed: number
  /** Rows that retention deleted (or a bound of `memoryStorage`) before it had read them: a gap, counted row by row. */
  readonly missed: number
  /** Messages set aside and neither handled since nor skipped. */
  readonly failures: number
  /** When it was first opened. */
  readonly createdAt: number
  /** When it was last changed. */
  readonly updatedAt: number
}

/** Who becomes the writer of a consumer. */
export interface ConsumerStart {
  /** Of the consumer. */
  readonly name: string
  /** Of the lease of the writer. */
  readonly epoch: number
  /** The tables it reads; null stands for `devicehub_message`. */
  readonly typeKeys: readonly (string | null)[]
  /** Where a new one begins; null is the beginning. */
  readonly cursor: string | null
  /** Epoch milliseconds. */
  readonly now: number
}

/** A batch that was handled. */
export interface ConsumerStep {
  /** Of the consumer. */
  readonly name: string
  /** Of the lease of the writer. */
  readonly epoch: number
  /** The cursor before the batch; null is the beginning. */
  readonly from: string | null
  /** The cursor behind it. */
  readonly to: string
  /** Log rows between the two. */
  readonly passed: number
  /** The messages the handler failed for, for good. */
  readonly setAside: readonly NewFailure[]
  /** Epoch milliseconds. */
  readonly now: number
}

/** A message that a consumer sets aside. */
export interface NewFailure {
  /** Its audit row. */
  readonly ref: MessageRef
  /** Null: the topic names none. */
  readonly deviceId: string | null
  /** What the handler threw, in a line. */
  readonly error: string
  /** How often the handler was called with it alone. */
  readonly attempts: number
  /** Epoch milliseconds. */
  readonly failedAt: number
}

/** A message that a consumer has set aside. */
export interface ConsumerFailure extends NewFailure {
  /** Epoch milliseconds; a retry that fails leaves it. */
  readonly firstFailedAt: number
  /** Asked to be tried again. */
  readonly due: boolean
}
