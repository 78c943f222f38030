import type { LeaseFence } from '@devicehub/core/storage'
import type { RawBuilder } from 'kysely'
import type { CommandStep } from '../command/recent-commands.js'
import type { Insert } from '../commit/columns.js'
import type { DriverRow, RowReader } from '../rows/row-reader.js'
import type { SqlDialect } from '../schema/logical-type.js'

/** Sets `last_seen` of devices of one table, unless it is later already. Sorted by device id. */
export interface TouchGroup {
  readonly table: string
  readonly deviceIds: readonly string[]
  readonly times: readonly number[]
}

/** What a commit writes, in one transaction. Tables sorted by name, so that two writers lock in the same order. */
export interface Writes {
  readonly inserts: readonly Insert[]
  readonly touches: readonly TouchGroup[]
}

/** The ids of inserted rows by table, in row order; only of inserts with `returnsIds`. */
export type WrittenIds = ReadonlyMap<string, readonly number[]>

export const NO_IDS: WrittenIds = new Map()

export interface QueryRows {
  readonly rows: readonly DriverRow[]
  /** Rows an INSERT, UPDATE or DELETE touched. */
  readonly affected: number
}

/** An open transaction: runs statements in it. */
export interface Transaction {
  readonly dialect: SqlDialect
  run(query: RawBuilder<unknown>): Promise<QueryRows>
  /** Plain inserts: an identity that is stored already fails them with a unique violation. */
  write(writes: Writes): Promise<WrittenIds>
}

/** What reads and does not write. */
export type ReadConnection = Pick<Connection, 'dialect' | 'run' | 'readMany'>

/** The database as the stores use it. Differences between drivers and dialects in how a transaction runs end here. */
export interface Connection {
  readonly dialect: SqlDialect
  /** Runs one statement outside a transaction. */
  run(query: RawBuilder<unknown>): Promise<QueryRows>
  /** Like `run`, cheaper for many rows where the driver allows. Not for integers beyond 2^53. */
  readMany(query: RawBuilder<unknown>): Promise<readonly RowReader[]>
  /**
   * For queries that take seconds, where they would hold up commits on this one: a second connection that sees what was
   * committed before. Absent where connections do not wait for each other, or where there is only one.
   */
  readonly reader?: ReadConnection
  /**
   * Writes in one transaction, in as few round trips as possible. When a fence does not hold: `fenced`, and nothing
   * is written.
   */
  writeAtOnce(writes: Writes, fences?: readonly LeaseFence[]): Promise<WrittenIds>
  /**
   * Like `writeAtOnce`, with changes of commands. Null, and nothing is written, when the row of a command is not as its
   * step expects. Undefined where the database has no cheap way to do this.
   */
  settleAtOnce?(
    writes: Writes,
    steps: readonly CommandStep[],
    fences?: readonly LeaseFence[],
  ): Promise<WrittenIds | null>
  /**
   * Runs `work` in one transaction. Each statement sees what was committed when it started (MySQL: when the first one
   * read).
   */
  transaction<T>(options: TransactionOptions, work: (transaction: Transaction) => Promise<T>): Promise<T>
}

export interface TransactionOptions {
  /** The message tables it will write to. They are locked first, so that readers of the log wait for its rows. */
  readonly messageTables: readonly string[]
  /** The messages are its first write, which takes the lock itself: PostgreSQL then needs no statement for it. */
  readonly messagesFirst: boolean
  /**
   * When one does not hold: `fenced`, and nothing is written. A fence cannot be lost between its check and the
   * commit. The server ends the transaction of a client that goes silent, so that a frozen process does not block a
   * takeover.
   */
  readonly fences?: readonly LeaseFence[] | undefined
  /**
   * How long the client may be silent in the transaction, milliseconds, if there are no fences. Default: no limit of
   * ours.
   */
  readonly idleLimit?: number
}
