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

/** How many rows were deleted. */
export interface RetentionResult {
  /** Samples. */
  readonly readings: number
  /** Audit rows. */
  readonly messages: number
}
