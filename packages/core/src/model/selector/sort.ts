import { meant, type Rule, satisfies } from '../check/index.js'
import { Misfit } from '../check/rule.js'
import { showText } from '../check/show-value.js'
import type { AnyDeviceType } from '../device-type/device-type.js'
import type { Field } from '../device-type/field.js'
import type { InferReadings, InferState } from '../device-type/infer.js'
import { DEVICE_COLUMNS, type DeviceColumn, type DeviceValue } from './condition.js'
import { labelKey } from './labels.js'

/** What devices can be sorted by: a column, or `state.<field>`, `reading.<name>` (its last value), `label.<key>`. */
export type SortName<T extends Pick<AnyDeviceType, 'readings' | 'state'> = AnyDeviceType> =
  | DeviceColumn
  | `state.${keyof InferState<T> & string}`
  | `reading.${keyof InferReadings<T> & string}`
  | `label.${string}`

/**
 * An order of devices: a name, with `-` before it the other way round. Devices without the value come last either way;
 * equal ones are in the order of their ids.
 *
 * @example
 * import type { SortOrder } from '@devicehub/core'
 * import type { WeatherStation } from './hub.js'
 *
 * const order: SortOrder<typeof WeatherStation> = '-reading.temperature'
 */
export type SortOrder<T extends Pick<AnyDeviceType, 'readings' | 'state'> = AnyDeviceType> =
  | SortName<T>
  | `-${SortName<T>}`

interface Sort {
  readonly by: DeviceValue
  readonly descending: boolean
}

/** Longer texts are no keys: a cursor holds one. */
const TEXT_MAX = 255

/** What a `SortOrder` says of devices of these types. `invalid_query` for what no type has, and what has no order. */
export const sortRule = (types: readonly AnyDeviceType[]): Rule<Sort> => ({
  expected: EXPECTED,
  take(given, at) {
    const text = WORD.take(given, at)
    const descending = text.startsWith('-')
    return { by: valueNamed(descending ? text.slice(1) : text, types, at), descending }
  },
})

const EXPECTED = 'an order such as "name", "-lastSeen", "state.mode", "reading.temperature" or "label.site"'
const WORD = satisfies<string>(EXPECTED, (value) => typeof value === 'string' && value.length <= 255)

function valueNamed(name: string, types: readonly AnyDeviceType[], at: string): DeviceValue {
  const column = DEVICE_COLUMNS.find((each) => each === name)
  if (column !== undefined) return { of: 'device', name: column }
  const dot = name.indexOf('.')
  const [group, key] = dot < 0 ? ['', name] : [name.slice(0, dot), name.slice(dot + 1)]
  if (group === 'label') return { of: 'label', name: labelKey.take(key, at) }
  if (group === 'state' || group === 'reading') return fieldNamed(group, key, types, at)
  const known = [...DEVICE_COLUMNS, 'state.', 'reading.', 'label.']
  throw new Misfit(
    at,
    `is nothing that devices have${meant(name, known)} Known: ${DEVICE_COLUMNS.join(', ')}, state.<field>, reading.<name>, label.<key>`,
    EXPECTED,
    undefined,
    showText(name),
  )
}

function fieldNamed(
  of: 'state' | 'reading',
  name: string,
  types: readonly AnyDeviceType[],
  at: string,
): DeviceValue {
  const declared = types.flatMap((type) => {
    const fields = of === 'state' ? type.state : type.readings
    return Object.hasOwn(fields, name) ? [fields[name] as Field] : []
  })
  const known = types.flatMap((type) => Object.keys(of === 'state' ? type.state : type.readings))
  const refused = (problem: string) => new Misfit(at, problem, EXPECTED, undefined, showText(name))
  if (declared.length === 0)
    throw refused(
      `is no ${of === 'state' ? 'state field' : 'reading'}${meant(name, known)} Known: ${known.join(', ') || 'none'}`,
    )
  const orders = new Set(declared.map(orderOf))
  if (orders.has(null))
    throw refused(`has values without an order, or texts of more than ${TEXT_MAX} characters`)
  if (orders.size > 1) throw refused('has values of different kinds in these types: ask for one type')
  return { of, name }
}

/** What its values are compared as; null: they are not. */
function orderOf({ kind, maxLength }: Field): 'number' | 'text' | null {
  switch (kind) {
    case 'float':
    case 'integer':
    case 'datetime':
    case 'boolean':
      return 'number'
    case 'enum':
      return 'text'
    case 'string':
      return (maxLength ?? TEXT_MAX) <= TEXT_MAX ? 'text' : null
    default:
      return null
  }
}
