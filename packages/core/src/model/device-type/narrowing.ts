import { DeviceHubError } from '../errors.js'
import type { AnyCommand } from './device-type.js'
import type { Field } from './field.js'
import type { FieldValue, TypedField } from './typed-field.js'

/**
 * What a type redefines may only narrow what it inherits: code that was written for the type it extends reads values of
 * the kinds declared there, and sends the payloads declared there. Two schemas cannot be compared, so a schema stays
 * the same one; where there was none, for a JSON value or a result, one may be added.
 */
export function assertNarrows(typeName: string, name: string, inherited: Field, own: Field): void {
  const refuse = (what: string) => {
    throw new DeviceHubError(
      'invalid_definition',
      `${typeName}: "${name}" redefines what it inherits and may only narrow it: ${what}; or choose another name`,
      { details: { type: typeName, field: name } },
    )
  }
  if (own.kind !== inherited.kind) refuse(`its kind is ${inherited.kind}, not ${own.kind}`)
  if (own.nullable && !inherited.nullable) refuse('it is not nullable there, so add nullable: false')
  if (isBelow(own.min, inherited.min) || isAbove(own.max, inherited.max))
    refuse(`its range is [${inherited.min}, ${inherited.max}], and [${own.min}, ${own.max}] goes beyond it`)
  if (isMore(own.precision, inherited.precision))
    refuse(`it keeps ${inherited.precision} decimal places at most, not ${own.precision ?? 'all'}`)
  if (isMore(own.maxLength, inherited.maxLength))
    refuse(`its maxLength is ${inherited.maxLength}, not ${own.maxLength ?? 'without a bound'}`)
  const more = own.values?.find((value) => !inherited.values?.includes(value))
  if (more !== undefined) refuse(`"${more}" is none of its values (${inherited.values?.join(', ')})`)
  const { choices } = inherited
  if (choices !== undefined && !own.choices?.every((choice) => choices.includes(choice)))
    refuse(
      `its choices are ${choices.join(', ')}, and ${own.choices?.join(', ') ?? 'any number'} goes beyond them`,
    )
  if (inherited.unit !== null && own.unit !== null && own.unit !== inherited.unit)
    refuse(`its unit is ${inherited.unit}, not ${own.unit}`)
  if (inherited.schema !== undefined && own.schema !== inherited.schema)
    refuse('it has a schema, and another one cannot be compared with it: pass the same one')
}

const isBelow = (own: number | null, inherited: number | null) =>
  inherited !== null && (own === null || own < inherited)
const isAbove = (own: number | null, inherited: number | null) =>
  inherited !== null && (own === null || own > inherited)
const isMore = isAbove

export function assertCommandNarrows(
  typeName: string,
  name: string,
  inherited: AnyCommand,
  own: AnyCommand,
): void {
  const refuse = (what: string) => {
    throw new DeviceHubError(
      'invalid_definition',
      `${typeName}: the command "${name}" redefines what it inherits: ${what}; or choose another name`,
      { details: { type: typeName, command: name } },
    )
  }
  if (own.payload !== inherited.payload)
    refuse(
      inherited.payload === null
        ? 'it takes no payload there, and callers send none'
        : 'callers send payloads of the schema declared there: pass the same one',
    )
  if (inherited.result !== null && own.result !== inherited.result)
    refuse('its result has a schema there, and another one cannot be compared with it: pass the same one')
}

type FieldLike = TypedField<unknown, boolean, 'reading' | 'state'>

/** A field that widens what is inherited under its name is an error at its own line, with a sentence for a type. */
export type NarrowingFields<Inherited, Fields> = {
  readonly [Name in keyof Fields]: Name extends keyof Inherited
    ? string extends keyof Inherited
      ? Fields[Name]
      : FieldProblem<Inherited[Name], Fields[Name]> extends infer Problem extends string
        ? `"${Name & string}" may only narrow what it inherits: ${Problem}`
        : Fields[Name]
    : Fields[Name]
}

/** `null` when the field narrows, as far as types tell: ranges and lengths are looked at when the type is defined. */
type FieldProblem<Inherited, Own> = Inherited extends FieldLike
  ? Own extends FieldLike
    ? Own['kind'] extends Inherited['kind']
      ? [Inherited['nullable'], Own['nullable']] extends [false, true]
        ? 'it is not nullable there, so add nullable: false'
        : [FieldValue<Own>] extends [FieldValue<Inherited>]
          ? null
          : 'it has values that are none there'
      : `its kind is ${Inherited['kind']}`
    : null
  : null

export type NarrowingCommands<Inherited, Own> = {
  readonly [Name in keyof Own]: Name extends keyof Inherited
    ? string extends keyof Inherited
      ? Own[Name]
      : CommandProblem<Inherited[Name], Own[Name]> extends infer Problem extends string
        ? `"${Name & string}" redefines a command: ${Problem}`
        : Own[Name]
    : Own[Name]
}

type CommandProblem<Inherited, Own> = Inherited extends AnyCommand
  ? Own extends AnyCommand
    ? Same<Inherited['payload'], Own['payload']> extends true
      ? Inherited['result'] extends null
        ? null
        : Same<Inherited['result'], Own['result']> extends true
          ? null
          : 'its result has a schema there, so pass the same one'
      : 'callers send the payload declared there, so pass the same schema, or none'
    : null
  : null

type Same<A, B> = [A, B] extends [B, A] ? true : false
