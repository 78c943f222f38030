import { showText, showValue } from '../check/show-value.js'
import { trusting } from '../check/trusting.js'
import { DeviceHubError } from '../errors.js'

/**
 * Lower case, without `_`: `weather_station`, `WeatherStation` and the topic level `weatherstation` are one name.
 *
 * @example
 * import { typeKey } from '@devicehub/core/definition'
 *
 * typeKey('Weather_Station') // weatherstation
 */
export const typeKey = trusting('typeKey', 'the name of a device type', (name: string): string =>
  name.replaceAll('_', '').toLowerCase(),
)

/** The same at type level, for the names of tables. */
export type DeviceTypeKey<Name extends string> = string extends Name
  ? string
  : Lowercase<WithoutUnderscores<Name>>

type WithoutUnderscores<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Head}${WithoutUnderscores<Tail>}`
  : Name

/** Columns of the reading tables, and what a payload says of the sample itself. */
export const RESERVED_READINGS = [
  'id',
  'device_id',
  'timestamp',
  'received_at',
  'sample_id',
  'content_hash',
  'order_at',
  'sample_reuse',
  'flags',
  'readings',
  'constructor',
  'prototype',
] as const

/** Columns of the device tables, and what the twin's messages say. */
export const RESERVED_STATE = [
  'id',
  'device_id',
  'name',
  'status',
  'status_at',
  'status_claimed_at',
  'battery_level',
  'last_seen',
  'firmware_version',
  'is_active',
  'session_at',
  'mqtt_username',
  'mqtt_password_hash',
  'api_key_hash',
  'metadata',
  'labels',
  'in_sync',
  'created_at',
  'updated_at',
  'desired',
  'reported',
  'version',
  'constructor',
  'prototype',
] as const

const RESERVED_COMMANDS = ['constructor', 'prototype'] as const

export type NamedPart = 'reading' | 'command' | 'state field'

const RESERVED: Readonly<Record<NamedPart, readonly string[]>> = {
  reading: RESERVED_READINGS,
  command: RESERVED_COMMANDS,
  'state field': RESERVED_STATE,
}

/** PostgreSQL cuts a longer identifier off, silently. */
const NAME_MAX_LENGTH = 63
const NAME = /^[a-z][a-z0-9_]*$/i

export function checkTypeName(name: unknown): string {
  const fail = (why: string) =>
    new DeviceHubError('invalid_definition', `The device type name ${showValue(name)} ${why}`, {
      details: { type: showValue(name) },
    })
  if (typeof name !== 'string') throw fail('must be a text')
  if (!/^[a-z0-9_]*$/i.test(name)) throw fail('may hold only the letters a to z, digits and _')
  const key = typeKey(name)
  if (key === '') throw fail('has no letter; topics and tables need one')
  if (/^[0-9]/.test(key)) throw fail('starts with a digit; table names start with a letter')
  if (key.length > 40)
    throw fail(`has ${key.length} characters (_ not counted); at most 40 leave room for table suffixes`)
  if (key === 'devicehub') throw fail('is taken: the tables devicehub_* are those of the hub')
  return key
}

/**
 * Names become columns and payload keys as they are, so they have to be good as both, on every database:
 * some of them compare column names without regard to case.
 */
export function checkNames(typeName: string, part: NamedPart, names: readonly string[]): void {
  const seen = new Map<string, string>()
  for (const name of names) {
    const fail = (why: string) =>
      new DeviceHubError('invalid_definition', `${typeName}: the ${part} name ${showText(name)} ${why}`, {
        details: { type: typeName, name },
      })
    if (name.length > NAME_MAX_LENGTH)
      throw fail(`has ${name.length} characters; at most ${NAME_MAX_LENGTH} fit a column name`)
    if (!NAME.test(name)) throw fail('must start with a letter and go on with letters, digits and _')
    const lower = name.toLowerCase()
    if (RESERVED[part].includes(lower) || name in Object.prototype)
      throw fail('is reserved; choose another, such as one with a prefix')
    const other = seen.get(lower)
    if (other !== undefined)
      throw fail(`differs from "${other}" only in case; databases take the two for one column`)
    seen.set(lower, name)
  }
}
