import type { LeaseFence } from '@devicehub/core/storage'
import { CompiledQuery } from 'kysely'
import { type Column, type Insert, NULL_TEXT, SEPARATOR } from '../commit/columns.js'
import type { ValueKind } from '../rows/column-source.js'
import type { DriverRow } from '../rows/row-reader.js'
import { LEASE_TABLE } from '../schema/tables.js'
import { NO_IDS, type TouchGroup, type Writes, type WrittenIds } from './connection.js'
import { upsertSql } from './upsert-sql.js'

/**
 * All writes as one statement: one round trip and, alone, one transaction. Each column is sent as one text, so that
 * the number of parameters does not grow with the batch. Parameters are texts, which every driver can send.
 */
export function postgresWrite(writes: Writes): CompiledQuery | null {
  const parameters: unknown[] = []
  const statements = statementsOf(writes, parameters, '')
  if (statements.length === 0) return null
  const ids = idColumns(writes)
  const last = ids.length > 0 ? `select ${ids.join(', ')}` : (statements.pop() as string)
  const before = statements.map((statement, index) => `w${index} as (${statement})`)
  return CompiledQuery.raw(`${before.length > 0 ? `with ${before.join(', ')} ` : ''}${last}`, parameters)
}

/**
 * Like it, but writes only if all leases have these epochs; returns the leases that do. They are locked against a
 * takeover, not against a renewal, and only once the server has received the whole statement: a client that stops
 * while sending blocks nobody. `inTransaction`: the server ends the transaction when the client goes silent.
 */
export function fencedPostgresWrite(
  writes: Writes,
  fences: readonly LeaseFence[],
  { inTransaction }: { readonly inTransaction: boolean },
): CompiledQuery | null {
  const parameters: unknown[] = []
  const parameter = parameterOf(parameters)
  const locks = fenceLocks(fences, parameter)
  const statements = statementsOf(writes, parameters, '(select ok from g)')
  if (statements.length === 0) return null
  const common = [...locks, ...statements.map((statement, index) => `w${index} as (${statement})`)]
  const ids = idColumns(writes)
    .map((column) => `, ${column}`)
    .join('')
  const limit = inTransaction ? `, ${idleLimitSql('(select min(f."ttl") from f)')}` : ''
  return CompiledQuery.raw(
    `with ${common.join(', ')} select f."name" as c0, f."epoch" as c1${limit}${ids} from f`,
    parameters,
  )
}

/** `f`: those of the leases that stand under these epochs, locked; `g`: whether all do. */
export function fenceLocks(fences: readonly LeaseFence[], parameter: Parameter): readonly string[] {
  const matching = fences.map(
    ({ name, epoch }) =>
      `(l."name" = ${parameter(name)}::text and l."epoch" = ${parameter(String(epoch))}::text::int8)`,
  )
  return [
    `f as materialized (select l."name", l."epoch", l."ttl" from "${LEASE_TABLE}" as l where ${matching.join(' or ')} order by l."name" for key share)`,
    `g as materialized (select count(*) = ${fences.length} as ok from f)`,
  ]
}

/** The ids a table was given, as one text: rows get them one after the other, so their order is that of the rows. */
export const idColumns = ({ inserts }: Writes): string[] =>
  inserts.flatMap(({ returnsIds }, index) =>
    returnsIds ? [`(select string_agg(id::text, ',' order by id) from w${index}) as ids${index}`] : [],
  )

/** What `idColumns` gave. */
export function writtenIds({ inserts }: Writes, [row]: readonly DriverRow[]): WrittenIds {
  if (row === undefined || !inserts.some(({ returnsIds }) => returnsIds)) return NO_IDS
  const ids = new Map<string, readonly number[]>()
  inserts.forEach(({ table, returnsIds }, index) => {
    const text = returnsIds ? (row as Readonly<Record<string, unknown>>)[`ids${index}`] : null
    if (typeof text === 'string') ids.set(table, text.split(',').map(Number))
  })
  return ids
}

/** Half of the time to live: a lease not renewed for that long is about to expire. Applies to this transaction only. */
export const idleLimitSql = (ttl: string): string =>
  `set_config('idle_in_transaction_session_timeout', greatest(${IDLE_LIMIT_MIN}, ${ttl} / 2)::bigint::text, true)`

/** Milliseconds. */
const IDLE_LIMIT_MIN = 500

/** A text that was sent already is not sent twice: samples mostly have the devices and times of their messages. */
export const parameterOf =
  (parameters: unknown[]): Parameter =>
  (value) => {
    const known = typeof value === 'string' ? parameters.indexOf(value) : -1
    return `$${known === -1 ? parameters.push(value) : known + 1}`
  }

export function statementsOf(
  { inserts, touches }: Writes,
  parameters: unknown[],
  condition: string,
): string[] {
  const parameter = parameterOf(parameters)
  return [
    ...inserts.map((insert) => insertSql(insert, parameter, condition)),
    ...touches.map((touch) => touchSql(touch, parameter, condition)),
  ]
}

export type Parameter = (value: unknown) => string

function insertSql(insert: Insert, parameter: Parameter, condition: string): string {
  const { table, returnsIds } = insert
  const { names, values, source } = rowsSql(insert, parameter)
  const where = condition && ` where ${condition}`
  return `insert into "${table}" (${names.join(', ')}) select ${values.join(', ')}${source}${where}${upsertSql('postgres', insert)}${returnsIds ? ' returning "id"' : ''}`
}

export interface RowsSql {
  /** Quoted. */
  readonly names: readonly string[]
  /** What each column has in a row of `source`. */
  readonly values: readonly string[]
  /** What follows the values of a SELECT. */
  readonly source: string
}

/** The rows of an insert, for a SELECT of their values. */
export function rowsSql({ rows, columns }: Insert, parameter: Parameter): RowsSql {
  const names: string[] = []
  const values: string[] = []
  const arrays: string[] = []
  const sentAs = (name: string) => values[names.indexOf(`"${name}"`)]
  for (const column of columns) {
    if (column.form === 'constant') values.push(constantSql(column.kind, column.value, parameter))
    else if (column.form === 'same') {
      const { as, unlessNull } = column
      values.push(
        unlessNull === undefined
          ? `${sentAs(as)}`
          : `case when ${sentAs(unlessNull)} is not null then ${sentAs(as)} end`,
      )
    } else {
      const [array, value] = arraySql(column, parameter, `v.c${arrays.length}`)
      values.push(value)
      arrays.push(array)
    }
    names.push(`"${column.name}"`)
  }
  const elements = arrays.map((_, index) => `c${index}`).join(', ')
  const source =
    arrays.length > 0
      ? ` from unnest(${arrays.join(', ')}) as v(${elements})`
      : rows > 1
        ? ` from generate_series(1, ${rows})`
        : ''
  return { names, values, source }
}

function constantSql(kind: ValueKind, value: unknown, parameter: Parameter): string {
  switch (kind) {
    case 'text':
    case 'json':
      return `${parameter(value)}::text`
    case 'bytes':
      return `decode(${parameter(hex(value as Uint8Array))}::text, 'hex')`
    case 'boolean':
      return value ? 'true' : 'false'
    case 'time':
      return `to_timestamp(${parameter(String(value))}::text::float8 / 1000)`
    case 'integer':
      return `${parameter(String(value))}::text::int8`
    case 'float':
      return `${parameter(String(value))}::text::float8`
  }
}

function fromElement(kind: ValueKind, element: string): string {
  switch (kind) {
    case 'bytes':
      return `decode(${element}, 'hex')`
    case 'boolean':
      return `${element} = 1`
    default:
      return element
  }
}

const ELEMENT_TYPES: Readonly<Record<ValueKind, string>> = {
  text: 'text[]',
  json: 'text[]',
  bytes: 'text[]',
  boolean: 'int8[]',
  integer: 'int8[]',
  time: 'int8[]',
  float: 'float8[]',
}

// JSON text and the like is full of quotes: splitting at a separator needs no escapes, an array literal would.
const SPLIT = `, E'\\x1f', E'\\x1e')`

/** The array of a column, and the column's value made of the element of a row. */
function arraySql(
  column: Exclude<Column, { form: 'constant' | 'same' }>,
  parameter: Parameter,
  element: string,
): readonly [array: string, value: string] {
  const { kind } = column
  switch (column.form) {
    case 'text':
      return [`string_to_array(${parameter(column.text)}::text${SPLIT}`, element]
    case 'numbers': {
      const numbers = parameterOfNumbers(column, parameter)
      if (kind !== 'time') return [`${numbers(0)}::text::${ELEMENT_TYPES[kind]}`, fromElement(kind, element)]
      // Differences are short texts, for this process, the wire and the server.
      const base = column.numbers.find((time) => !Number.isNaN(time)) ?? 0
      const sum = `${parameter(String(base))}::text::float8 + ${element}`
      return [`${numbers(base)}::text::int8[]`, `to_timestamp((${sum}) / 1000)`]
    }
    case 'values': {
      if (kind !== 'bytes')
        return [`${parameter(textArray(column.values as (string | null)[]))}::text::text[]`, element]
      const list = column.values.map((value) => (value === null ? NULL_TEXT : hex(value as Uint8Array)))
      return [`string_to_array(${parameter(list.join(SEPARATOR))}::text${SPLIT}`, fromElement(kind, element)]
    }
  }
}

const parameterOfNumbers =
  ({ numbers, nulls }: Extract<Column, { form: 'numbers' }>, parameter: Parameter) =>
  (base: number): string => {
    const list = (base === 0 ? numbers : numbers.map((number) => number - base)).join(',')
    return parameter(`{${nulls ? list.replaceAll('NaN', 'NULL') : list}}`)
  }

const hex = (bytes: Uint8Array) =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')

/** An array literal: for texts that have the separator in them. */
export const textArray = (values: readonly (string | null)[]) =>
  `{${values.map((value) => (value === null ? 'NULL' : `"${value.replace(/["\\]/g, '\\$&')}"`)).join(',')}}`

/** The rows are locked in order of device ids, so that two writers never wait for each other. */
function touchSql({ table, deviceIds, times }: TouchGroup, parameter: Parameter, condition: string): string {
  const ids = deviceIds.some((id) => id.includes(SEPARATOR) || id === NULL_TEXT)
    ? `${parameter(textArray(deviceIds))}::text::text[]`
    : `string_to_array(${parameter(deviceIds.join(SEPARATOR))}::text${SPLIT}`
  const at = `${parameter(`{${times.join(',')}}`)}::text::float8[]`
  return (
    `update "${table}" as d set "last_seen" = greatest(d."last_seen", to_timestamp(l.at / 1000)) from (` +
    `select t.id, v.at from unnest(${ids}, ${at}) as v(device_id, at) ` +
    `join "${table}" as t on t."device_id" = v.device_id ` +
    `where ${condition && `${condition} and `}(t."last_seen" is null or t."last_seen" < to_timestamp(v.at / 1000)) ` +
    'order by t."device_id" for no key update of t) as l where d.id = l.id'
  )
}
