import type { Field, ReadingKind } from '../model/device-type/field.js'
import { DeviceHubError } from '../model/errors.js'
import type { StoredValue } from '../model/values.js'

/**
 * Whether the column of a field of this kind can hold the value; no for a kind that does not exist. Null, which every
 * column takes, is not asked about. Storages ask once a value of a commit: it throws nothing, so that nothing must guard it.
 */
export const isStorable = (kind: ReadingKind, value: Exclude<StoredValue, null>): boolean => {
  switch (kind) {
    case 'float':
      return Number.isFinite(value)
    case 'integer':
    case 'datetime':
      return Number.isSafeInteger(value)
    case 'boolean':
      return typeof value === 'boolean'
    case 'string':
    case 'enum':
    case 'json':
    case 'geo':
      return typeof value === 'string'
    case 'binary':
      return value instanceof Uint8Array
    default:
      return false
  }
}

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
