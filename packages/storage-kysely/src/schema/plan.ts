import type { SchemaStep } from '@devicehub/core/storage'
import { createIndexSql, createTableSql, dropIndexSql, quoteName, type SqlTarget } from './ddl.js'
import type { ExistingTable } from './existing-tables.js'
import type { ExistingSchema } from './introspect.js'
import { planColumns } from './plan-columns.js'
import { notOurTable } from './schema-errors.js'
import type { IndexModel, TableModel } from './tables.js'
import { planHypertable, type TimescaleState } from './timescale.js'

export interface PlanInput {
  readonly target: SqlTarget
  readonly tables: readonly TableModel[]
  readonly existing: ExistingSchema
  /** Null where the option is not set. */
  readonly timescale: TimescaleState | null
  /** Also drop the columns that were made here and are no longer declared. */
  readonly dropUndeclared: boolean
}

/** The steps, in order, from the existing tables to the declared ones. */
export function planSteps(input: PlanInput): readonly SchemaStep[] {
  const { tables, existing, timescale } = input
  const steps = tables.flatMap((table) => {
    const found = existing.tables.get(table.name)
    if (table.withdrawn !== undefined)
      return found && existing.recorded.has(table.name) ? [dropTable(input.target, table)] : []
    const hypertable = timescale && table.hypertable ? planHypertable(table, timescale) : []
    if (!found) {
      const isFilled = table.fill !== undefined && existing.tables.has(table.fill.from)
      return [isFilled ? createFilled(input.target, table) : createTable(input.target, table), ...hypertable]
    }
    const columns = planColumns(input, table, found)
    return [
      ...columns,
      ...planFills(input, table, columns),
      ...planPrimaryKey(table, found),
      ...planIndexes(input.target, table, found),
      ...hypertable,
    ]
  })
  return timescale && !timescale.installed ? [createExtension, ...steps] : steps
}

const createTable = (target: SqlTarget, table: TableModel): SchemaStep => ({
  kind: 'createTable',
  table: table.name,
  description: `Create the table ${table.name}`,
  destructive: false,
  sql: createTableSql(target, table),
})

const createFilled = (target: SqlTarget, table: TableModel): SchemaStep => ({
  ...createTable(target, table),
  description: `Create the table ${table.name} from the rows of ${table.fill?.from}`,
  sql: filledSql(target, table),
})

const dropTable = ({ dialect }: SqlTarget, { name, withdrawn }: TableModel): SchemaStep => ({
  kind: 'other',
  table: name,
  description: `Drop the table ${name}: ${withdrawn}`,
  destructive: true,
  sql: [`drop table ${quoteName(dialect, name)}`],
})

/** For a table whose values another one contains too: fills columns that are new or were emptied. */
function planFills(
  { existing }: PlanInput,
  { name, fill, columns }: TableModel,
  steps: readonly SchemaStep[],
): SchemaStep[] {
  if (fill === undefined) return []
  const source = new Set(existing.tables.get(fill.from)?.columns.map((column) => column.name.toLowerCase()))
  return columns.flatMap((column): SchemaStep[] => {
    const step = steps.find((one) => one.column === column.name)
    const isInSource = [column.name, ...(column.formerNames ?? [])].some((one) =>
      source.has(one.toLowerCase()),
    )
    const isEmpty = step?.kind === 'narrowColumn' || (step?.kind === 'addColumn' && isInSource)
    if (column.field === undefined || !isEmpty) return []
    return [
      {
        kind: 'other',
        table: name,
        description: `Fill ${name}.${column.name} from the rows of ${fill.from}`,
        destructive: false,
        sql: fill.columnSql(column.name),
      },
    ]
  })
}

/** MySQL commits each statement: a table that is there by its name is filled. */
function filledSql(target: SqlTarget, table: TableModel): string[] {
  const { dialect } = target
  const fill = (name: string) => (table.fill ? [table.fill.sql(name)] : [])
  if (dialect !== 'mysql') return [...createTableSql(target, table), ...fill(table.name)]
  const unfilled = `${table.name}_new`
  return [
    `drop table if exists ${quoteName(dialect, unfilled)}`,
    ...createTableSql(target, { ...table, name: unfilled }),
    ...fill(unfilled),
    `rename table ${quoteName(dialect, unfilled)} to ${quoteName(dialect, table.name)}`,
  ]
}

const createExtension: SchemaStep = {
  kind: 'other',
  table: '',
  description: 'Create the extension timescaledb in the database',
  destructive: false,
  sql: ['create extension if not exists timescaledb'],
}

const sameNames = (a: readonly string[], b: readonly string[]) =>
  a.length === b.length && a.every((name, index) => name.toLowerCase() === b[index]?.toLowerCase())

/** A key differs only when a table becomes a hypertable, whose key must include the time. */
function planPrimaryKey(table: TableModel, found: ExistingTable): readonly SchemaStep[] {
  if (sameNames(table.primaryKey, found.primaryKey)) return []
  if (!table.hypertable || !found.primaryKeyName) {
    throw notOurTable(table.name, `its primary key is (${found.primaryKey.join(', ')})`)
  }
  const columns = table.primaryKey.map((name) => `"${name}"`).join(', ')
  return [
    {
      kind: 'other',
      table: table.name,
      description: `Key ${table.name} by (${table.primaryKey.join(', ')}): the key of a hypertable holds the time`,
      destructive: false,
      sql: [
        `alter table "${table.name}" drop constraint "${found.primaryKeyName}", add primary key (${columns})`,
      ],
    },
  ]
}

function planIndexes(target: SqlTarget, table: TableModel, found: ExistingTable): readonly SchemaStep[] {
  return table.indexes.flatMap((index): SchemaStep[] => {
    const held = found.indexes.get(index.name)
    const create = createIndexSql(target.dialect, table.name, index)
    const what = describeIndex(index)
    if (!held) {
      return [
        {
          kind: 'addIndex',
          table: table.name,
          description: `Add ${what} to ${table.name}; writers wait while it is built`,
          destructive: false,
          sql: [create],
        },
      ]
    }
    const same =
      sameNames(index.columns, held.columns) &&
      index.unique === held.unique &&
      (index.where !== undefined) === held.partial
    if (same) return []
    return [
      {
        kind: 'other',
        table: table.name,
        description: `Build ${what} of ${table.name} anew, it is on (${held.columns.join(', ')})`,
        destructive: false,
        sql: [dropIndexSql(target.dialect, table.name, index.name), create],
      },
    ]
  })
}

const describeIndex = (index: IndexModel) =>
  `the ${index.unique ? 'unique ' : ''}index ${index.name} on (${index.columns.join(', ')})`
