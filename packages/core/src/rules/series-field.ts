import { showValue } from '../model/check/index.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { Field } from '../model/device-type/field.js'
import { DeviceHubError } from '../model/errors.js'
import { SERIES_FUNCTIONS, type SeriesFigure, type SeriesFunction } from '../ports/series.js'

const NUMBER: ReadonlySet<string> = new Set(['float', 'integer'])
const ORDERED: ReadonlySet<string> = new Set([...NUMBER, 'datetime'])

/** Functions of any kind of value; `min` and `max` need an order, all others a number. */
const ANY: ReadonlySet<SeriesFunction> = new Set(['count', 'first', 'last'])
const OF_ORDER: ReadonlySet<SeriesFunction> = new Set(['min', 'max'])

/** The reading of this name. `invalid_query` for one that is not declared. */
export function readingField(type: AnyDeviceType, name: string): Field {
  const field = Object.hasOwn(type.readings, name) ? type.readings[name] : undefined
  if (field !== undefined) return field
  throw new DeviceHubError(
    'invalid_query',
    `${type.name} has no reading ${showValue(name)}; declared: ${type.readingNames.join(', ') || 'none'}`,
    { details: { type: type.key, field: name } },
  )
}

/**
 * The reading that a figure is of, for the hub and every storage alike. `invalid_query` for a reading that is not
 * declared, a function that does not exist, or one that its values have no answer to.
 */
export function seriesField(type: AnyDeviceType, { field: name, fn }: SeriesFigure): Field {
  const field = readingField(type, name)
  const details = { type: type.key, field: name, fn }
  if (!SERIES_FUNCTIONS.includes(fn))
    throw new DeviceHubError(
      'invalid_query',
      `there is no function ${showValue(fn)}; there are ${SERIES_FUNCTIONS.join(', ')}`,
      { details },
    )
  const kinds = ANY.has(fn) ? null : OF_ORDER.has(fn) ? ORDERED : NUMBER
  if (kinds === null || kinds.has(field.kind)) return field
  throw new DeviceHubError(
    'invalid_query',
    `${fn} needs ${kinds === ORDERED ? 'a number or a datetime' : 'a number'}; ${type.name}.${name} is of kind ${field.kind}. Use count, first or last`,
    { details },
  )
}
