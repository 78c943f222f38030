import { accept, isList, meant, record, showText, showValue } from '../check/index.js'
import { asyncProblem } from '../codec/run-schema.js'
import { DeviceHubError } from '../errors.js'
import type { Field, FieldSchema, ReadingKind } from './field.js'

/** The options of all builders together; which of them a kind takes is the builders' typing, checked again here. */
export interface RawFieldOptions {
  readonly unit?: string | undefined
  readonly range?: readonly [min: number | null, max: number | null] | undefined
  readonly choices?: readonly number[] | undefined
  readonly precision?: number | undefined
  readonly description?: string | undefined
  readonly label?: string | undefined
  readonly nullable?: boolean | undefined
  readonly maxLength?: number | undefined
  readonly renamedFrom?: string | readonly string[] | undefined
  readonly schema?: FieldSchema | undefined
  readonly default?: unknown
}

const COMMON = ['description', 'label', 'nullable', 'renamedFrom']
const NUMERIC = [...COMMON, 'unit', 'range', 'choices']

const OPTIONS_OF: Readonly<Record<ReadingKind, readonly string[]>> = {
  float: [...NUMERIC, 'precision'],
  integer: NUMERIC,
  boolean: COMMON,
  string: [...COMMON, 'maxLength'],
  enum: COMMON,
  datetime: COMMON,
  json: [...COMMON, 'schema', 'maxLength'],
  binary: [...COMMON, 'maxLength'],
  geo: COMMON,
}

const STRING_MAX_LENGTH = 255
/** Read again with each list of readings, and many times as large as objects: a device decides what is in it. */
const JSON_MAX_LENGTH = 64 << 10

/** The field as data. Whether a default fits and whether names are good is checked by `defineDeviceType`, which knows the name. */
export function makeField(
  kind: ReadingKind,
  given: RawFieldOptions,
  role: 'reading' | 'state',
  givenValues: readonly string[] | null = null,
): Field {
  const fail: Fail = (message) =>
    new DeviceHubError('invalid_definition', `${role}.${kind}(): ${message}`, { details: { kind } })
  // Before the options: of enum('open', 'closed') the second text stands where they belong.
  const values = givenValues === null ? null : enumValues(givenValues, fail)
  const options = accept(
    `${role}.${kind}()`,
    'options',
    record,
    given,
    'invalid_definition',
  ) as RawFieldOptions
  assertKnownOptions(kind, options, role, fail)
  const { range = [null, null], precision = null, unit, description, label, renamedFrom, schema } = options
  const preset = role === 'state' ? options.default : undefined
  const [min, max] = checkRange(kind, range, fail)
  if (precision !== null && !(Number.isInteger(precision) && precision >= 0 && precision <= 15)) {
    throw fail(`precision is a whole number of decimal places from 0 to 15, not ${showValue(precision)}`)
  }
  const formerNames = checkFormerNames(renamedFrom, fail)
  return Object.freeze({
    kind,
    unit: text('unit', unit, fail),
    min,
    max,
    precision,
    description: text('description', description, fail),
    label: text('label', label, fail),
    nullable: checkBoolean(options.nullable, fail) ?? (preset === undefined || preset === null),
    maxLength: checkMaxLength(kind, options.maxLength, fail),
    values,
    ...(options.choices === undefined
      ? {}
      : { choices: checkChoices(kind, options.choices, [min, max], precision, fail) }),
    default: preset ?? null,
    renamedFrom: formerNames[0] ?? null,
    ...(formerNames.length > 0 && { formerNames }),
    ...(schema === undefined ? {} : { schema: checkSchema(schema, fail) }),
  })
}

function assertKnownOptions(kind: ReadingKind, options: RawFieldOptions, role: string, fail: Fail): void {
  const known = role === 'state' ? [...OPTIONS_OF[kind], 'default'] : OPTIONS_OF[kind]
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined && !known.includes(name)) {
      throw fail(
        `there is no option ${showText(name)}${meant(name, known)}; the options are ${known.join(', ')}`,
      )
    }
  }
}

function checkRange(kind: ReadingKind, range: unknown, fail: Fail): readonly [number | null, number | null] {
  const ends = itemsOf(range)
  if (ends?.length !== 2)
    throw fail(`range is [min, max], with null for an open end, not ${showValue(range)}`)
  const [min, max] = ends.map((end) => {
    if (end === null || end === undefined) return null
    const whole = kind !== 'integer' || Number.isSafeInteger(end)
    if (typeof end === 'number' && Number.isFinite(end) && whole) return end
    throw fail(
      `an end of a range is ${kind === 'integer' ? 'an integer' : 'a finite number'} or null, not ${showValue(end)}`,
    )
  }) as [number | null, number | null]
  if (min !== null && max !== null && min > max) {
    throw fail(`the range [${min}, ${max}] is inverted; write [${max}, ${min}]`)
  }
  return [min, max]
}

function checkChoices(
  kind: ReadingKind,
  given: unknown,
  [min, max]: readonly [number | null, number | null],
  precision: number | null,
  fail: Fail,
): readonly number[] {
  const choices = itemsOf(given)
  if (choices === null || choices.length === 0)
    throw fail('choices is a list of at least one number, such as [1, 2, 3]')
  for (const [index, choice] of choices.entries()) {
    const isNumber =
      typeof choice === 'number' &&
      (kind === 'integer' ? Number.isSafeInteger(choice) : Number.isFinite(choice))
    if (!isNumber)
      throw fail(
        `a choice is ${kind === 'integer' ? 'an integer' : 'a finite number'}, not ${showValue(choice)}`,
      )
    if ((min !== null && choice < min) || (max !== null && choice > max))
      throw fail(`the choice ${choice} lies outside the range [${min}, ${max}]`)
    if (precision !== null && Number(choice.toFixed(precision)) !== choice)
      throw fail(`the choice ${choice} has more than ${precision} decimal places (precision)`)
    if (choices.indexOf(choice) !== index) throw fail(`choices lists ${choice} twice`)
  }
  return Object.freeze(choices as number[])
}

function checkMaxLength(kind: ReadingKind, maxLength: number | undefined, fail: Fail): number | null {
  if (maxLength === undefined)
    return kind === 'string' ? STRING_MAX_LENGTH : kind === 'json' ? JSON_MAX_LENGTH : null
  if (Number.isSafeInteger(maxLength) && maxLength > 0) return maxLength
  throw fail(`maxLength is a whole number above 0, not ${showValue(maxLength)}`)
}

function enumValues(given: unknown, fail: Fail): readonly string[] {
  const values = itemsOf(given)
  if (values === null || values.length === 0)
    throw fail(
      "an enum needs its values as one list with at least one value, such as enum(['open', 'closed'])",
    )
  for (const [index, value] of values.entries()) {
    if (
      typeof value !== 'string' ||
      value === '' ||
      value.length > STRING_MAX_LENGTH ||
      /[\p{Cc}\p{Cs}]/u.test(value)
    ) {
      throw fail(
        `an enum's value is a text of 1 to ${STRING_MAX_LENGTH} printable characters, not ${showValue(value)}`,
      )
    }
    if (values.indexOf(value) !== index) throw fail(`the enum lists ${showValue(value)} twice`)
  }
  return Object.freeze(values as string[])
}

/** Of a list, each read once; null for what is none, or cannot be read. */
function itemsOf(value: unknown): unknown[] | null {
  try {
    return isList(value) ? Array.from({ length: value.length }, (_, index) => value[index]) : null
  } catch {
    return null
  }
}

function text(name: string, value: unknown, fail: Fail): string | null {
  if (value === undefined) return null
  if (typeof value === 'string' && value !== '') return value
  throw fail(`${name} is a text that is not empty, not ${showValue(value)}`)
}

function checkFormerNames(given: RawFieldOptions['renamedFrom'], fail: Fail): readonly string[] {
  if (given === undefined) return []
  const names = isList(given) ? itemsOf(given) : [given]
  if (names === null || names.length === 0)
    throw fail('renamedFrom is a former name, or a list of at least one')
  const former = names.map((name) => {
    if (typeof name === 'string' && name !== '') return name
    throw fail(`renamedFrom is a text that is not empty, not ${showValue(name)}`)
  })
  if (new Set(former.map((name) => name.toLowerCase())).size < former.length)
    throw fail('renamedFrom lists a name twice')
  return Object.freeze(former)
}

function checkBoolean(value: unknown, fail: Fail): boolean | undefined {
  if (value === undefined || typeof value === 'boolean') return value
  throw fail(`nullable is true or false, not ${showValue(value)}`)
}

function checkSchema(schema: FieldSchema, fail: Fail): FieldSchema {
  if (isSchema(schema)) {
    const problem = asyncProblem(schema)
    if (problem === null) return schema
    throw fail(`schema has ${problem}; a value is checked at once, so write it without await`)
  }
  throw fail('schema is a zod schema such as z.object({ ... })')
}

type Fail = (message: string) => DeviceHubError

/** Not `instanceof`: another copy of zod is as good. */
export function isSchema(value: unknown): value is FieldSchema {
  try {
    return typeof (value as Partial<FieldSchema> | null | undefined)?.safeParse === 'function'
  } catch {
    return false
  }
}
