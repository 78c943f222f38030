import { accept, text as textRule } from '../model/check/index.js'
import { checkSchema } from '../model/codec/check-schema.js'
import { isPlainJson, MAX_JSON_DEPTH } from '../model/codec/plain-json.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import { DeviceHubError } from '../model/errors.js'

const NAME = textRule({ max: 128 })

/**
 * JSON text of what the device gets: what the command's schema makes of the payload. Null for a command without one.
 * `unknown_command`, `invalid_payload`.
 */
export function preparePayload(
  type: AnyDeviceType,
  given: string,
  payload: unknown,
  maxBytes: number,
): string | null {
  const name = accept('commands.send', 'name', NAME, given, 'unknown_command')
  const declared = Object.hasOwn(type.commands, name) ? type.commands[name] : undefined
  if (declared === undefined) {
    const known = Object.keys(type.commands).join(', ') || 'none'
    throw new DeviceHubError('unknown_command', `${type.name} has no command "${name}"; declared: ${known}`, {
      details: { type: type.key, command: name },
    })
  }
  const refuse = (problem: string) =>
    new DeviceHubError('invalid_payload', `${type.name}.${name} was not sent: ${problem}`, {
      details: { type: type.key, command: name },
    })
  if (declared.payload === null) {
    if (payload === undefined || payload === null) return null
    throw refuse('it takes no payload; declare one with command({ payload: z.object({ ... }) })')
  }
  const checked = checkSchema(declared.payload, payload, 'payload')
  if (!checked.fits) throw refuse(checked.problem)
  const text = toJsonText(checked.value)
  if (text === undefined) throw refuse(`the payload is not JSON of at most ${MAX_JSON_DEPTH} levels`)
  if (Buffer.byteLength(text) > maxBytes)
    throw refuse(`the payload has ${Buffer.byteLength(text)} bytes, and ${maxBytes} is the limit`)
  return text
}

/** Undefined for what JSON does not hold as it is. */
export function toJsonText(value: unknown): string | undefined {
  if (value === undefined) return 'null'
  try {
    return isPlainJson(value) ? JSON.stringify(value) : undefined
  } catch {
    // A member that throws when it is read.
    return undefined
  }
}
