import type { Field, ReadingKind } from '../model/device-type/field.js'
import { DeviceHubError } from '../model/errors.js'
import type { StoredValue } from '../model/values.js'

const ACCEPTS: Readonly<Record<ReadingKind, (value: StoredValue) => boolean>> = {
  float: (value) => Number.isFinite(value),
  integer: (value) => Number.isSafeInteger(value),
  boolean: (value) => typeof value === 'boolean',
  string: (value) => typeof value === 'string',
  enum: (value) => typeof value === 'string',
  datetime: (value) => Number.isSafeInteger(value),
  json: (value) => typeof value === 'string',
  binary: (value) => value instanceof Uint8Array,
  geo: (value) => typeof value === 'string',
}

/** Whether a column for fields of this kind takes the value. Null, which every column takes, is not asked about. */
export const isStorable = (kind: ReadingKind, value: Exclude<StoredValue, null>): boolean =>
  ACCEPTS[kind](value)

/** `storage_failed` for a value that a column of its field's kind does not take. */
export function checkValues(
  where: string,
  fields: Readonly<Record<string, Field>>,
  names: readonly string[],
  values: readonly StoredValue[],
): void {
  if (values.length !== names.length)
    throw refused(where, `it has ${values.length} values for ${names.length} columns`)
  names.forEach((name, index) => {
    const value = values[index] ?? null
    const kind = fields[name]?.kind
    if (value !== null && kind && !isStorable(kind, value))
      throw refused(where, `${name} is of kind ${kind} and cannot hold a ${typeof value} like this`)
  })
}

const refused = (where: string, why: string) =>
  new DeviceHubError('storage_failed', `${where} was refused: ${why}.`)
