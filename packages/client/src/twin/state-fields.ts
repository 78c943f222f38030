import { isDeepStrictEqual } from 'node:util'
import { type AnyDeviceType, DeviceHubError, type Field } from '@devicehub/core/definition'
import { fromStored, toJson, toStored } from '@devicehub/core/transport'
import { type BinaryForm, encodePlain } from '../plain-value.js'

/** One value of the twin, as callers have it and as it goes out. */
export interface FieldState {
  readonly value: unknown
  readonly wire: unknown
}

/** The state fields of a type; `invalid_payload` for a name it does not have and a value that does not fit. */
export interface StateFields {
  check(name: string, value: unknown): FieldState
}

export const isSame = (a: FieldState | undefined, b: FieldState): boolean =>
  a !== undefined && isDeepStrictEqual(a.wire, b.wire)

/** Without a type every JSON value goes; dates and bytes are written as for a type. */
export function createStateFields(type: AnyDeviceType | null, binary: BinaryForm): StateFields {
  if (type === null)
    return {
      // A copy: the caller's value may change before it goes out.
      check: (name, value) => ({
        value,
        wire: structuredClone(encodePlain(value, `the state field '${name}'`, binary)),
      }),
    }
  return {
    check(name, value) {
      const field: Field | undefined = Object.hasOwn(type.state, name) ? type.state[name] : undefined
      if (field === undefined) {
        const message = `${type.name} has no state field '${name}'; it has ${type.stateNames.join(', ') || 'none'}`
        throw new DeviceHubError('invalid_payload', message, { details: { field: name } })
      }
      const stored = toStored(field, value, name)
      const bytes = field.kind === 'binary' && binary === 'bytes'
      return { value: fromStored(field, stored), wire: bytes ? bytesOf(stored) : toJson(field, stored) }
    },
  }
}

/** `Buffer` is a Uint8Array of its own kind, which codecs may not know. */
const bytesOf = (stored: unknown): Uint8Array | null =>
  stored instanceof Uint8Array ? new Uint8Array(stored) : null
