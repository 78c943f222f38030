export interface SchemaPlan {
  readonly steps: readonly SchemaStep[]
}

export interface SchemaStep {
  readonly kind:
    | 'createTable'
    | 'addColumn'
    | 'addIndex'
    | 'renameColumn'
    | 'widenColumn'
    | 'narrowColumn'
    | 'dropColumn'
    | 'other'
  readonly table: string
  readonly column?: string
  /** For a person: what happens and why. */
  readonly description: string
  /** Loses or may refuse data: applied only with `allowDestructive`. */
  readonly destructive: boolean
  /** The statements, for a migration file; empty for a store without SQL. */
  readonly sql: readonly string[]
}

export interface MigrateOptions {
  /** Default false: a plan with a destructive step is refused with an explanation. */
  readonly allowDestructive?: boolean
}

export interface RetentionResult {
  readonly readings: number
  readonly messages: number
}
