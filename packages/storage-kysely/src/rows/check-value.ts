import { DeviceHubError } from '@devicehub/core'
import type { ReadingKind } from '@devicehub/core/definition'
import { isStorable, type StoredValue } from '@devicehub/core/storage'
import type { ColumnSource, ValueKind } from './column-source.js'

const READING_KIND: Readonly<Record<ValueKind, ReadingKind>> = {
  text: 'string',
  json: 'json',
  float: 'float',
  integer: 'integer',
  boolean: 'boolean',
  time: 'datetime',
  bytes: 'binary',
}

/**
 * `storage_failed` when a value is not of its column's kind. Checked here, not by the database: SQLite would store it, and
 * MySQL convert it.
 */
export function checkValue(
  table: string,
  { name, kind }: Pick<ColumnSource<never>, 'name' | 'kind'>,
  value: StoredValue,
): asserts value is Exclude<StoredValue, null> {
  if (value !== null && isStorable(READING_KIND[kind], value)) return
  const given = value === null || typeof value === 'number' ? String(value) : `a ${typeof value}`
  throw new DeviceHubError(
    'storage_failed',
    `A row of ${table} was refused: ${name} holds ${kind}, not ${given}`,
    { details: { table, column: name } },
  )
}
