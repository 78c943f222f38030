import type { SchemaStep } from '@devicehub/core/storage'
import { alterColumnSql, describeColumn, dropNotNullSql } from './alter-column.js'
import { columnSql, quoteName, type SqlTarget } from './ddl.js'
import type { ExistingColumn, ExistingTable } from './existing-tables.js'
import type { ExistingSchema } from './introspect.js'
import { sqlType } from './logical-type.js'
import { notOurTable } from './schema-errors.js'
import type { ColumnModel, TableModel } from './tables.js'
import { type TypeChange, typeChange } from './type-change.js'

interface ColumnInput {
  readonly target: SqlTarget
  readonly existing: ExistingSchema
  readonly dropUndeclared: boolean
}

/** Renames, additions, changed types, then what is no longer declared. */
export function planColumns(input: ColumnInput, table: TableModel, found: ExistingTable): SchemaStep[] {
  const { existing, target } = input
  const { dialect } = target
  const recordedKinds = existing.recorded.get(table.name)
  // Only PostgreSQL compares column names with case.
  const fold = (name: string) => (dialect === 'postgres' ? name : name.toLowerCase())
  const undeclared = new Map(found.columns.map((column) => [fold(column.name), column]))
  const declaredNames = new Set(table.columns.map((column) => fold(column.name)))
  const renames: SchemaStep[] = []
  const added: ColumnModel[] = []
  const changes: SchemaStep[] = []

  for (const column of table.columns) {
    // A database can be several renames behind.
    const key = [column.name, ...(column.formerNames ?? [])]
      .map(fold)
      .find((name, index) => undeclared.has(name) && (index === 0 || !declaredNames.has(name)))
    const held = key === undefined ? undefined : undeclared.get(key)
    if (key === undefined || !held) {
      added.push(column)
      continue
    }
    undeclared.delete(key)
    if (held.name !== column.name) renames.push(renameColumn(input.target, table, held.name, column.name))
    changes.push(...changeColumn(input, table, column, held))
  }

  const withdrawn = [...undeclared.values()].filter(({ name }) =>
    existing.recorded.get(table.name)?.has(name),
  )
  const adds = added.map((column) => {
    const step = addColumn(input.target, table, column)
    const present = existing.renamed.get(table.name)?.get(column.name)
    // The present column: renamed away from there by a release that is newer than this process.
    if (present !== undefined && found.columns.some(({ name }) => name === present))
      return {
        ...step,
        destructive: true,
        description: `${step.description}${splitHint(column.name, present)}`,
      }
    return { ...step, description: `${step.description}${renameHint(column, withdrawn, recordedKinds)}` }
  })
  const rest = [...undeclared.values()].flatMap((column) => withoutDeclaration(input, table, found, column))
  return [...renames, ...adds, ...changes, ...rest]
}

/** A field that was renamed without `renamedFrom`, or from a name that is not there, would get a new, empty column. */
function renameHint(
  { field, type, formerNames = [] }: ColumnModel,
  withdrawn: readonly ExistingColumn[],
  kinds: ReadonlyMap<string, string> | undefined,
): string {
  if (field === undefined) return ''
  if (formerNames.length > 0)
    return `; no column is left to rename: there is none of the name ${formerNames.join(' or ')} that is not declared`
  const similar = withdrawn.filter(({ name }) => kinds?.get(name) === type.kind).map(({ name }) => name)
  return similar.length === 0
    ? ''
    : `. ${similar.join(', ')} is no longer declared: if it was renamed, declare renamedFrom: '${similar[0]}'`
}

const splitHint = (former: string, present: string): string =>
  `, empty: another release of the application has renamed ${former} to ${present}, where its values are. Values under both names would be read by neither release in whole. Run that release; to go back, declare ${former} with renamedFrom: '${present}'`

function addColumn(target: SqlTarget, table: TableModel, column: ColumnModel): SchemaStep {
  if (!column.nullable && column.default === undefined) {
    throw notOurTable(table.name, `it has no column ${column.name}`)
  }
  return {
    kind: 'addColumn',
    table: table.name,
    column: column.name,
    description: `Add ${table.name}.${column.name}, ${describeColumn(target.dialect, column)}`,
    destructive: false,
    sql: [
      `alter table ${quoteName(target.dialect, table.name)} add column ${columnSql(target.dialect, column)}`,
      ...(column.fill ?? []),
    ],
  }
}

const renameColumn = ({ dialect }: SqlTarget, table: TableModel, from: string, to: string): SchemaStep => ({
  kind: 'renameColumn',
  table: table.name,
  column: to,
  description: `Rename ${table.name}.${from} to ${to}; its values stay`,
  destructive: false,
  sql: [
    `alter table ${quoteName(dialect, table.name)} rename column ${quoteName(dialect, from)} to ${quoteName(dialect, to)}`,
  ],
})

const LOSS: Readonly<Record<Exclude<TypeChange, 'none' | 'widen'>, string>> = {
  shorten: 'longer texts are cut off',
  round: 'fractions are rounded',
  replace: 'the values it has mean nothing under the new type and are deleted',
}

function changeColumn(
  { target, existing }: ColumnInput,
  table: TableModel,
  column: ColumnModel,
  held: ExistingColumn,
): SchemaStep[] {
  const { dialect } = target
  const kind = existing.recorded.get(table.name)?.get(held.name) ?? null
  const type = typeChange(dialect, { type: held.type, kind }, column.type)
  if (type !== 'none' && column.name === table.identity) {
    throw notOurTable(table.name, `its column ${column.name} is ${held.type}`)
  }
  // A column of ours that is nullable although declared otherwise does no harm.
  const dropNotNull = column.nullable && !held.nullable
  if (type === 'none' && !dropNotNull) return []
  const wanted = sqlType(dialect, column.type)
  const place = `${table.name}.${column.name}`
  const from = kind === null || kind === 'varchar' ? held.type : kind
  const to = wanted === held.type ? column.type.kind : wanted
  if (type === 'none' || type === 'widen') {
    const sql = alterColumnSql(dialect, table.name, column, { type, dropNotNull })
    const what = type === 'widen' ? `hold ${wanted} instead of ${held.type}` : 'admit null'
    return [
      {
        kind: 'widenColumn',
        table: table.name,
        column: column.name,
        description: `Let ${place} ${what}; its values stay`,
        destructive: false,
        sql,
      },
    ]
  }
  if (type === 'replace' && !column.field)
    throw notOurTable(table.name, `its column ${column.name} is ${held.type}`)
  return [
    {
      kind: 'narrowColumn',
      table: table.name,
      column: column.name,
      description: `Change ${place} from ${from} to ${to}: ${LOSS[type]}`,
      // A column that can be filled again loses nothing; when its source loses values, that is a step of its own.
      destructive: table.fill === undefined,
      sql: alterColumnSql(dialect, table.name, column, { type, dropNotNull }),
    },
  ]
}

/** An undeclared column: left as it is when rows can be written without it; dropped on request, if the hub made it. */
function withoutDeclaration(
  { target, existing, dropUndeclared }: ColumnInput,
  table: TableModel,
  found: ExistingTable,
  column: ExistingColumn,
): SchemaStep[] {
  const place = `${table.name}.${column.name}`
  if (dropUndeclared && existing.recorded.get(table.name)?.has(column.name)) {
    return [
      {
        kind: 'dropColumn',
        table: table.name,
        column: column.name,
        description: `Drop ${place}, which is no longer declared: its values are deleted`,
        destructive: true,
        sql: [
          `alter table ${quoteName(target.dialect, table.name)} drop column ${quoteName(target.dialect, column.name)}`,
        ],
      },
    ]
  }
  if (column.nullable || column.hasDefault || found.primaryKey.includes(column.name)) return []
  return [
    {
      kind: 'widenColumn',
      table: table.name,
      column: column.name,
      description: `Let ${place}, which is not declared, admit null: rows are written without it`,
      destructive: false,
      sql: dropNotNullSql(target.dialect, table.name, column),
    },
  ]
}
