import { accept, optional, options as optionRule, word } from '../check/index.js'
import { FIRMWARE_MAX_LENGTH } from '../codec/parse-status.js'
import { ID_FIELD, SAMPLE_ID_MAX_LENGTH } from '../codec/sample-head.js'
import { optionOf } from '../device-type/default-options.js'
import type { AnyDeviceType } from '../device-type/device-type.js'
import type { Field } from '../device-type/field.js'
import { formerNamesOf } from '../device-type/former-names.js'
import { deviceType } from '../device-type/type-rule.js'
import { DEVICE_STATUSES } from '../statuses.js'
import type { Channel } from '../topic/channel.js'
import { fieldSchema, type JsonSchema, type SchemaOptions, TIME, zodSchema } from './field-schema.js'

/** Schemas of the payloads of each channel, and of the parts that other documents refer to. */
export interface DeviceTypeSchemas extends Readonly<Record<Channel, JsonSchema>> {
  /** One flat sample. */
  readonly sample: JsonSchema
  /** By name of the command. */
  readonly commands: Readonly<Record<string, CommandSchemas>>
}

/** The schemas of one command. */
export interface CommandSchemas {
  /** What the caller gives; null for a command without payload. */
  readonly payload: JsonSchema | null
  /** What the device gets: defaults are filled in. */
  readonly received: JsonSchema | null
  /** Null when anything goes. */
  readonly result: JsonSchema | null
}

const MEASURED_AT: JsonSchema = { ...TIME, description: 'When it was measured; the received time without it' }

const SAMPLE_ID: JsonSchema = {
  type: ['string', 'integer'],
  maxLength: SAMPLE_ID_MAX_LENGTH,
  description:
    'Unique per device: a sample sent again under the same id, with the same content, is stored once',
}

/** What a payload says of itself, under the names that the type gives it. */
function headSchemas(type: AnyDeviceType): Record<string, JsonSchema> {
  const [timestampField, sampleId] = [optionOf(type, 'timestampField'), optionOf(type, 'sampleId')]
  return {
    ...(timestampField === false ? {} : { [timestampField]: MEASURED_AT }),
    ...(sampleId === false ? {} : { [sampleId]: SAMPLE_ID }),
  }
}

const SCHEMA = optionRule<SchemaOptions>({ target: optional(word('draft-2020-12', 'draft-7')) })

/**
 * JSON Schemas of what a device type sends and gets.
 *
 * @example
 * import { jsonSchema } from '@devicehub/core'
 * import { WeatherStation } from './hub.js'
 *
 * const { data, commands } = jsonSchema(WeatherStation)
 * commands.set_interval?.payload // the JSON Schema of { interval: number }
 */
export function jsonSchema(type: AnyDeviceType, given: SchemaOptions = {}): DeviceTypeSchemas {
  accept('jsonSchema', 'type', deviceType, type)
  const options = accept('jsonSchema', 'options', SCHEMA, given)
  const sample = sampleSchema(type, options)
  const commands = commandSchemas(type, options)
  const desired = objectOf(type.state, options, [])
  const { [type.options.sampleId || ID_FIELD]: _, ...time } = headSchemas(type)
  const reported = {
    ...desired,
    properties: { ...formerSchemas(type.state, options), ...(desired.properties as object) },
  }
  return {
    sample,
    commands,
    data: dataSchema(type, sample, sample),
    status: { ...message({ ...STATUS, ...headSchemas(type) }), anyOf: ONE_OF_STATUS },
    cmd: commandMessage(type, commands),
    response: responseMessage(type, commands),
    state: message({ reported, version: VERSION, ...time }, ['reported']),
    desired: message({ desired, version: VERSION }, ['desired', 'version']),
  }
}

function sampleSchema(type: AnyDeviceType, options: SchemaOptions): JsonSchema {
  const required = type.readingNames.filter((name) => type.readings[name]?.nullable === false)
  const renamed = required.filter((name) => formerNamesOf(type.readings[name] as Field).length > 0)
  const fields = objectOf(
    type.readings,
    options,
    required.filter((name) => !renamed.includes(name)),
  )
  const underAnyName = renamed.map((name) => ({
    anyOf: [name, ...formerNamesOf(type.readings[name] as Field)].map((one) => ({ required: [one] })),
  }))
  return {
    ...fields,
    ...(underAnyName.length === 0 ? {} : { allOf: underAnyName }),
    properties: {
      ...formerSchemas(type.readings, options),
      ...headSchemas(type),
      ...(fields.properties as object),
      device_id: { type: 'string' },
    },
    additionalProperties: type.options.unknownField !== 'reject',
  }
}

/** Flat, list or backfill. `flat` and `item` are the schema of a sample or a reference to it. */
export function dataSchema(type: AnyDeviceType, flat: JsonSchema, item: JsonSchema): JsonSchema {
  const names = [...type.readingNames, ...Object.keys(formerSchemas(type.readings, {}))]
  const value = names.length === 0 ? {} : { type: 'string', enum: names }
  const list = {
    ...message(
      {
        readings: {
          type: 'array',
          items: message(
            { type: type.options.unknownField === 'reject' ? value : { type: 'string' }, value: {} },
            ['type', 'value'],
          ),
        },
        ...headSchemas(type),
      },
      ['readings'],
    ),
  }
  return { anyOf: [flat, list, { type: 'array', minItems: 1, items: item }] }
}

/** Of older firmware; what has a former name can still be sent under it. */
function formerSchemas(
  fields: Readonly<Record<string, Field>>,
  options: SchemaOptions,
): Record<string, JsonSchema> {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, field]) =>
      formerNamesOf(field).map((former) => [
        former,
        { ...fieldSchema(field, options), deprecated: true, description: `Former name of ${name}` },
      ]),
    ),
  )
}

function objectOf(
  fields: Readonly<Record<string, Field>>,
  options: SchemaOptions,
  required: readonly string[],
): JsonSchema {
  const properties = Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [name, fieldSchema(field, options)]),
  )
  return { type: 'object', properties, ...(required.length === 0 ? {} : { required }) }
}

const message = (properties: JsonSchema, required: readonly string[] = []): JsonSchema => ({
  type: 'object',
  properties,
  ...(required.length === 0 ? {} : { required }),
})

const VERSION: JsonSchema = { type: 'integer', minimum: 0 }

const STATUS: JsonSchema = {
  status: { type: 'string', enum: DEVICE_STATUSES },
  battery_level: { type: ['number', 'null'], minimum: 0, maximum: 100, 'x-unit': '%' },
  firmware_version: { type: ['string', 'null'], maxLength: FIRMWARE_MAX_LENGTH },
}

/** A status that says none of these wakes nobody, and is flagged. */
const ONE_OF_STATUS: readonly JsonSchema[] = Object.keys(STATUS).map((name) => ({ required: [name] }))

function commandSchemas(type: AnyDeviceType, options: SchemaOptions): Record<string, CommandSchemas> {
  const render = (schema: unknown, io: 'input' | 'output') =>
    schema === null ? null : zodSchema(schema, io, options)
  const schemas = Object.entries(type.commands).map(
    ([name, { payload, result }]): [string, CommandSchemas] => [
      name,
      {
        payload: render(payload, 'input'),
        received: render(payload, 'output'),
        result: render(result, 'output'),
      },
    ],
  )
  return Object.fromEntries(schemas)
}

function commandMessage(type: AnyDeviceType, schemas: Readonly<Record<string, CommandSchemas>>): JsonSchema {
  const variants = Object.entries(schemas).map(([name, { received }]) => ({
    ...message(
      {
        command: { const: name },
        ...(received === null ? {} : { payload: received }),
        id: { type: 'string' },
        expires_at: { type: 'string', format: 'date-time' },
      },
      ['command', 'id', ...(received === null ? [] : ['payload'])],
    ),
    ...describe(type.commands[name]?.description ?? null),
  }))
  return oneOf(variants)
}

function responseMessage(type: AnyDeviceType, schemas: Readonly<Record<string, CommandSchemas>>): JsonSchema {
  const variants = Object.keys(type.commands).map((name) =>
    message(
      {
        id: { type: 'string' },
        command: { const: name },
        status: { type: 'string', enum: ['accepted', 'succeeded', 'failed', 'rejected'] },
        result: schemas[name]?.result ?? {},
        error: { type: ['string', 'null'] },
      },
      ['id', 'status'],
    ),
  )
  return oneOf(variants)
}

/** `not: {}` admits nothing: a type without commands gets none. */
const oneOf = (variants: readonly JsonSchema[]): JsonSchema =>
  variants.length === 0
    ? { not: {} }
    : variants.length === 1
      ? (variants[0] as JsonSchema)
      : { anyOf: variants }

const describe = (description: string | null): JsonSchema => (description === null ? {} : { description })
