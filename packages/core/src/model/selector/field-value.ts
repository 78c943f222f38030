import { date, fits, flag, integer, number, type Rule, satisfies, text, word } from '../check/index.js'
import { isStorableText } from '../codec/text.js'
import type { Field } from '../device-type/field.js'
import type { StoredValue } from '../values.js'
import { timeValue } from './time-value.js'

export interface Comparable {
  readonly rule: Rule<Exclude<StoredValue, null>>
  /** Whether it has an order: what may stand behind `lt` and its siblings. */
  readonly order: Rule<number> | null
}

/** What a field can be compared with; null where only its absence can be asked for. */
export function comparableField(field: Field, now: number): Comparable | null {
  switch (field.kind) {
    case 'float':
      return NUMBER
    case 'integer':
      return { rule: integer(), order: number() }
    case 'boolean':
      return FLAG
    case 'string':
      return TEXT
    case 'enum':
      return { rule: word(...(field.values ?? [])), order: null }
    case 'datetime':
      return comparableTime(now)
    case 'json':
    case 'binary':
    case 'geo':
      return null
  }
}

export const NUMBER: Comparable = { rule: number(), order: number() }
export const FLAG: Comparable = { rule: flag, order: null }
export const TEXT: Comparable = {
  rule: satisfies(
    'a text of at most 4,096 characters, without NUL and broken surrogates',
    (value) => typeof value === 'string' && value.length <= 4096 && isStorableText(value),
  ),
  order: null,
}
export const LINE: Comparable = { rule: text({ max: 255 }), order: null }

/** Of a field whose type nobody told. */
export const ANY: Comparable = {
  rule: satisfies(
    'a number, a text, true or false',
    (value) =>
      typeof value === 'boolean' || fits(TEXT.rule, value) || fits(NUMBER.rule, value) || fits(date, value),
  ),
  order: satisfies('a number or a time', (value) => fits(NUMBER.rule, value) || fits(timeValue(0), value)),
}

export function comparableTime(now: number): Comparable {
  const rule = timeValue(now)
  return { rule, order: rule }
}
