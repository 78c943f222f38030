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

/** What the column types of a database would refuse: `storage_failed`. */
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
    if (value !== null && kind && !ACCEPTS[kind](value))
      throw refused(where, `${name} is of kind ${kind} and cannot hold a ${typeof value} like this`)
  })
}

const refused = (where: string, why: string) =>
  new DeviceHubError('storage_failed', `${where} was refused: ${why}.`)
