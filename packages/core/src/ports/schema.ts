/** What `migrate` would do. */
export interface SchemaPlan {
  /** In the order in which they run; empty: the tables are as declared. */
  readonly steps: readonly SchemaStep[]
}

/** One change of a table. */
export interface SchemaStep {
  /** `narrowColumn` and `dropColumn` can lose data. */
  readonly kind:
    | 'createTable'
    | 'addColumn'
    | 'addIndex'
    | 'renameColumn'
    | 'widenColumn'
    | 'narrowColumn'
    | 'dropColumn'
    | 'other'
  /** The table it changes. */
  readonly table: string
  /** The column, if it is about one. */
  readonly column?: string
  /** For a person: what happens and why. */
  readonly description: string
  /** Loses or may refuse data: applied only with `allowDestructive`. */
  readonly destructive: boolean
  /** The statements, for a migration file; empty for a store without SQL. */
  readonly sql: readonly string[]
}

/** What `migrate` may do to tables that hold data. */
export interface MigrateOptions {
  /** Default false: a plan with a destructive step is refused with an explanation. */
  readonly allowDestructive?: boolean
}

/** What `applyRetention` deletes besides, and how it makes room for others. */
export interface RetentionRequest {
  /** Rows of `devicehub_message` received before, epoch milliseconds, are deleted too; absent: none. */
  readonly unroutedBefore?: number
  /**
   * Awaited after each step that deleted rows, with the milliseconds it took; false: delete no more. It does not throw. A
   * storage that deletes all at once need not call it.
   */
  readonly pause?: (tookMs: number) => Promise<boolean>
}

/** How many rows were deleted. */
export interface RetentionResult {
  /** Samples. */
  readonly readings: number
  /** Audit rows. */
  readonly messages: number
}
