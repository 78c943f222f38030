import { toStored } from '../codec/stored-value.js'
import { DeviceHubError } from '../errors.js'
import type { Field } from './field.js'

/** A default is stored like any other value, so it has to pass the same checks. */
export function fitDefault(typeName: string, name: string, field: Field): void {
  try {
    toStored(field, field.default, name)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new DeviceHubError(
      'invalid_definition',
      `${typeName}: the default of ${name} does not fit: ${why}`,
      {
        details: { type: typeName, field: name },
        cause,
      },
    )
  }
}
