import type { LeaseFence } from '@devicehub/core/storage'
import type { RawBuilder } from 'kysely'
import type { Insert } from '../commit/columns.js'
import type { DriverRow, RowReader } from '../rows/row-reader.js'
import type { SqlDialect } from '../schema/logical-type.js'

/** `last_seen` of devices of one table, only ever moved forward. Sorted by device id. */
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

/** By table, of the inserts that want them (`returnsIds`), in the order of their rows. */
export type WrittenIds = ReadonlyMap<string, readonly number[]>

export const NO_IDS: WrittenIds = new Map()

export interface QueryRows {
  readonly rows: readonly DriverRow[]
  /** Rows an INSERT, UPDATE or DELETE touched. */
  readonly affected: number
}

/** Runs statements on one connection. */
export interface Transaction {
  readonly dialect: SqlDialect
  run(query: RawBuilder<unknown>): Promise<QueryRows>
  /** Plain inserts: an identity that is stored already fails them with a unique violation. */
  write(writes: Writes): Promise<WrittenIds>
}

/** A database as the rest of this package sees it: what is special to a dialect's driver and to its statements ends here. */
export interface Connection {
  readonly dialect: SqlDialect
  /** A statement of its own. */
  run(query: RawBuilder<unknown>): Promise<QueryRows>
  /** The same for many rows of columns that hold no integer beyond what a number can, where there is a cheaper way. */
  readMany(query: RawBuilder<unknown>): Promise<readonly RowReader[]>
  /** All of it in one transaction, in as few round trips as the database allows; `fenced`, and nothing is written, unless the fences hold. */
  writeAtOnce(writes: Writes, fences?: readonly LeaseFence[]): Promise<WrittenIds>
  /** `work` in one transaction, that sees what is committed when each statement starts (MySQL: when the first reads). */
  transaction<T>(options: TransactionOptions, work: (transaction: Transaction) => Promise<T>): Promise<T>
}

export interface TransactionOptions {
  /** The message tables it is going to write to: announced before anything is written, for the readers of the log. */
  readonly messageTables: readonly string[]
  /** It writes to them before it writes anything else: then PostgreSQL needs no announcement. */
  readonly messagesFirst: boolean
  /**
   * `fenced`, and nothing is written, unless they hold; none of them can be lost between the look and the commit. The
   * server ends the transaction of a client that is silent in it: a frozen process must not keep others from taking over.
   */
  readonly fences?: readonly LeaseFence[] | undefined
  /** Without fences: for how long a client may be silent in it, in milliseconds. Default: as long as the server lets it. */
  readonly idleLimit?: number
}
