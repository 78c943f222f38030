import { showValue } from '../model/check/index.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { Field } from '../model/device-type/field.js'
import { DeviceHubError } from '../model/errors.js'
import { AGGREGATES, type AggregateFunction, type AggregateQuery, INTERVALS } from '../ports/readings.js'

const NUMBER: ReadonlySet<string> = new Set(['float', 'integer'])
const ORDERED: ReadonlySet<string> = new Set([...NUMBER, 'datetime'])

/** The kinds that a function takes; those that are missing take any. */
const KINDS: Partial<Record<AggregateFunction, ReadonlySet<string>>> = {
  avg: NUMBER,
  sum: NUMBER,
  min: ORDERED,
  max: ORDERED,
}

/**
 * The reading that an aggregate is of, for the hub and every storage alike. `invalid_query` for a reading that is not
 * declared, a function or an interval that does not exist, a sum or an average of what is no number, a least or greatest
 * of what is neither a number nor a time.
 */
export function aggregateField(
  type: AnyDeviceType,
  { field: name, fn, interval }: Pick<AggregateQuery, 'field' | 'fn' | 'interval'>,
): Field {
  const refuse = (message: string) =>
    new DeviceHubError('invalid_query', message, { details: { type: type.key, field: name, fn, interval } })
  const field = Object.hasOwn(type.readings, name) ? type.readings[name] : undefined
  if (field === undefined)
    throw refuse(
      `${type.name} has no reading ${showValue(name)}; declared: ${type.readingNames.join(', ') || 'none'}`,
    )
  if (!AGGREGATES.includes(fn) || (interval !== undefined && !INTERVALS.includes(interval)))
    throw refuse(
      `there is no such aggregate or interval; aggregates are ${AGGREGATES.join(', ')}, intervals ${INTERVALS.join(', ')}`,
    )
  const kinds = KINDS[fn]
  if (kinds && !kinds.has(field.kind))
    throw refuse(
      `${fn} needs ${kinds === ORDERED ? 'a number or a datetime' : 'a number'}; ${type.name}.${name} is of kind ${field.kind}. Use count, first or last`,
    )
  return field
}
