import { toJSONSchema, type z } from 'zod'
import type { Field } from '../device-type/field.js'

/** A JSON Schema, by keyword. */
export type JsonSchema = { readonly [keyword: string]: unknown }

/** Which dialect of JSON Schema is written. */
export interface SchemaOptions {
  /** Default `draft-2020-12`, which OpenAPI 3.1 speaks; AsyncAPI 3.0 and many tools speak `draft-7`. */
  readonly target?: 'draft-2020-12' | 'draft-7' | undefined
}

/** What a device may send for a reading, or reports of a state field. */
export function fieldSchema(field: Field, options: SchemaOptions = {}): JsonSchema {
  const annotations = {
    ...(field.label === null ? {} : { title: field.label }),
    ...(field.description === null ? {} : { description: field.description }),
    ...(field.unit === null ? {} : { 'x-unit': field.unit }),
    ...(field.precision === null ? {} : { 'x-precision': field.precision }),
    ...(isJson(field.default) ? { default: field.default } : {}),
  }
  const schema = valueSchema(field, options)
  return { ...(field.nullable ? orNull(schema) : schema), ...annotations }
}

const isJson = (value: unknown): boolean =>
  value !== null && value !== undefined && !(value instanceof Date) && !(value instanceof Uint8Array)

function orNull(schema: JsonSchema): JsonSchema {
  // Without a keyword everything is admitted already, null included.
  if (Object.keys(schema).length === 0) return schema
  if (typeof schema.type === 'string' && schema.enum === undefined)
    return { ...schema, type: [schema.type, 'null'] }
  return { anyOf: [schema, { type: 'null' }] }
}

function valueSchema(field: Field, options: SchemaOptions): JsonSchema {
  if (field.choices !== undefined)
    return { type: field.kind === 'integer' ? 'integer' : 'number', enum: field.choices }
  switch (field.kind) {
    case 'float':
      return { type: 'number', ...rangeOf(field) }
    case 'integer':
      return {
        type: 'integer',
        minimum: field.min ?? Number.MIN_SAFE_INTEGER,
        maximum: field.max ?? Number.MAX_SAFE_INTEGER,
      }
    case 'boolean':
      return { type: 'boolean' }
    case 'string':
      return { type: 'string', ...(field.maxLength === null ? {} : { maxLength: field.maxLength }) }
    case 'enum':
      return { type: 'string', enum: field.values ?? [] }
    case 'datetime':
      return TIME
    case 'json':
      return field.schema === undefined ? {} : zodSchema(field.schema, 'input', options)
    case 'binary':
      return {
        type: 'string',
        contentEncoding: 'base64',
        // Four characters for three bytes, padded.
        ...(field.maxLength === null ? {} : { maxLength: Math.ceil(field.maxLength / 3) * 4 }),
      }
    case 'geo':
      return {
        type: 'object',
        properties: {
          lat: { type: 'number', minimum: -90, maximum: 90 },
          lon: { type: 'number', minimum: -180, maximum: 180 },
          alt: { type: ['number', 'null'] },
        },
        required: ['lat', 'lon'],
      }
  }
}

const rangeOf = ({ min, max }: Field): JsonSchema => ({
  ...(min === null ? {} : { minimum: min }),
  ...(max === null ? {} : { maximum: max }),
})

export const TIME: JsonSchema = {
  anyOf: [
    { type: 'string', format: 'date-time' },
    {
      type: 'number',
      minimum: 0,
      description:
        'Epoch, its unit by magnitude: seconds below 10^11, milliseconds below 10^14, microseconds below 10^17, else nanoseconds',
    },
  ],
}

/** What JSON Schema cannot say, such as a refinement, is left open. */
export function zodSchema(
  schema: unknown,
  io: 'input' | 'output',
  { target = 'draft-2020-12' }: SchemaOptions,
): JsonSchema {
  const { $schema: _, ...rest } = toJSONSchema(schema as z.ZodType, { target, io, unrepresentable: 'any' })
  return rest
}
