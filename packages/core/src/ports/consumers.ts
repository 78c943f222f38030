import type { MessageRef } from '../model/message.js'
import type { Page, PageRequest } from './page.js'

/** The places of durable consumers in the log, and the messages they set aside. */
export interface ConsumerStore {
  list(): Promise<readonly ConsumerRecord[]>
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

export interface ConsumerRecord {
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
  readonly createdAt: number
  readonly updatedAt: number
}

export interface ConsumerStart {
  readonly name: string
  readonly epoch: number
  readonly typeKeys: readonly (string | null)[]
  readonly cursor: string | null
  readonly now: number
}

export interface ConsumerStep {
  readonly name: string
  readonly epoch: number
  readonly from: string | null
  readonly to: string
  /** Log rows between the two. */
  readonly passed: number
  readonly setAside: readonly NewFailure[]
  readonly now: number
}

export interface NewFailure {
  readonly ref: MessageRef
  readonly deviceId: string | null
  /** What the handler threw, in a line. */
  readonly error: string
  /** How often the handler was called with it alone. */
  readonly attempts: number
  readonly failedAt: number
}

export interface ConsumerFailure extends NewFailure {
  readonly firstFailedAt: number
  /** Asked to be tried again. */
  readonly due: boolean
}
