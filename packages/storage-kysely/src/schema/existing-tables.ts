export interface ExistingColumn {
  /** As the database spells it. */
  readonly name: string
  /** As `sqlType` writes it, where it is a type that `sqlType` knows. */
  readonly type: string
  readonly nullable: boolean
  /** Whether the database has a default for it. */
  readonly hasDefault: boolean
}

export interface ExistingIndex {
  readonly columns: readonly string[]
  readonly unique: boolean
  readonly partial: boolean
}

export interface ExistingTable {
  readonly name: string
  readonly columns: readonly ExistingColumn[]
  readonly primaryKey: readonly string[]
  readonly primaryKeyName: string | null
  readonly indexes: ReadonlyMap<string, ExistingIndex>
}

export interface TablesFound {
  readonly tables: ReadonlyMap<string, ExistingTable>
  readonly collation: string | null
}
