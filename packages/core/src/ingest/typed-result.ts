import { checkSchema } from '../model/codec/check-schema.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { CommandRecord } from '../ports/commands.js'
import { fromJson } from '../rules/command-info.js'

/** What the command's schema makes of the result in the ledger; as the device sent it where there is no schema, or not this one any more. */
export function typedResult(type: AnyDeviceType, { command, result }: CommandRecord): unknown {
  const value = fromJson(result)
  const schema = Object.hasOwn(type.commands, command) ? type.commands[command]?.result : null
  if (schema === null || schema === undefined) return value
  const checked = checkSchema(schema, value, 'result')
  return checked.fits ? checked.value : value
}
