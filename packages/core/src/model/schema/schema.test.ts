import specs from '@asyncapi/specs'
import { Ajv } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { parseData } from '../codec/parse-data.js'
import { parseStatus } from '../codec/parse-status.js'
import { compileSampleValidator } from '../codec/validate-sample.js'
import { command } from '../device-type/command.js'
import { defineDeviceType } from '../device-type/define-device-type.js'
import { reading } from '../device-type/reading.js'
import { state } from '../device-type/state.js'
import { asyncApi } from './async-api.js'
import { jsonSchema } from './json-schema.js'

const Station = defineDeviceType('Station', {
  outOfRange: 'reject',
  readings: {
    temperature: reading.float({ unit: '°C', range: [-40, 80], label: 'Temperature', nullable: false }),
    count: reading.integer({ range: [0, null] }),
    raining: reading.boolean(),
    note: reading.string({ maxLength: 5 }),
    door: reading.enum(['open', 'closed']),
    calibrated: reading.datetime(),
    extra: reading.json(),
    shaped: reading.json({ schema: z.object({ pair: z.tuple([z.number(), z.string()]) }) }),
    blob: reading.binary(),
    place: reading.geo(),
  },
  commands: {
    reboot: command({ description: 'Starts it anew' }),
    set_interval: command({
      payload: z.object({ interval: z.int().positive(), unit: z.enum(['s', 'min']).default('s') }),
      result: z.object({ ok: z.boolean() }),
    }),
  },
  state: {
    mode: state.enum(['continuous', 'burst'], { default: 'continuous' }),
    since: state.datetime({ default: new Date(0) }),
  },
})
const Bare = defineDeviceType('bare', { broker: 'north', topicTemplate: 'x/{device_id}/{channel}' })
const Abstract = defineDeviceType('abstract', { abstract: true })

const ajv = formats.default(new Ajv2020({ strict: false, allErrors: true }))
const schemas = jsonSchema(Station)
const data = ajv.compile(schemas.data)

describe('JSON Schema of a device type', () => {
  it('compiles in both drafts', () => {
    const draft7 = formats.default(new Ajv({ strict: false }))
    for (const type of [Station, Bare]) {
      const { commands: _, ...channels } = jsonSchema(type, { target: 'draft-7' })
      for (const schema of Object.values(channels)) expect(draft7.validateSchema(schema)).toBe(true)
      for (const schema of Object.values(channels)) draft7.compile(schema)
    }
    for (const channel of ['data', 'status', 'cmd', 'response', 'state', 'desired'] as const)
      ajv.compile(schemas[channel])
  })

  it('carries what was declared', () => {
    expect(schemas.sample).toMatchObject({
      required: ['temperature'],
      properties: {
        temperature: { type: 'number', minimum: -40, maximum: 80, title: 'Temperature', 'x-unit': '°C' },
        count: { type: ['integer', 'null'], minimum: 0 },
        note: { type: ['string', 'null'], maxLength: 5 },
        extra: {},
      },
    })
    expect(schemas.commands.set_interval?.payload).toMatchObject({ required: ['interval'] })
    expect(schemas.commands.set_interval?.received).toMatchObject({ required: ['interval', 'unit'] })
    expect(schemas.commands.reboot).toEqual({ payload: null, received: null, result: null })
    expect(schemas.state).toMatchObject({
      properties: { reported: { properties: { mode: { default: 'continuous' } } } },
    })
  })

  const good = { temperature: 20 }
  it.each([
    [good],
    [{ temperature: 20, timestamp: '2026-03-01T12:00:00Z', id: 'x', device_id: 'y', unknown: 1 }],
    [{ temperature: 20, count: null, raining: true, note: 'abc', door: 'open', calibrated: 1_772_366_400 }],
    [
      {
        temperature: 20,
        extra: [1],
        shaped: { pair: [1, 'x'] },
        blob: 'AQID',
        place: { lat: 1, lon: 2 },
        door: null,
      },
    ],
    [{ readings: [{ type: 'temperature', value: 20 }] }],
    [[good, { ...good, timestamp: 1 }]],
  ])('admits %j, and so does the hub', (payload) => {
    expect(data(payload)).toBe(true)
    expect(accepts(payload)).toBe(true)
  })

  it.each([
    [{}],
    [{ temperature: 90 }],
    [{ temperature: '20' }],
    [{ temperature: null }],
    [{ temperature: 20, door: 'ajar' }],
    [{ temperature: 20, count: 1.5 }],
    [{ temperature: 20, note: 'abcdef' }],
    [{ temperature: 20, place: { lat: 91, lon: 0 } }],
    [{ temperature: 20, shaped: { pair: [1] } }],
    [{ temperature: 20, calibrated: 'yesterday' }],
    [[]],
    ['text'],
    [5],
  ])('refuses %j, and so does the hub', (payload) => {
    expect(data(payload)).toBe(false)
    expect(accepts(payload)).toBe(false)
  })

  it('admits whatever flat sample the hub stores without a flag', () => {
    const values = fc.oneof(
      fc.integer({ min: -60, max: 100 }),
      fc.double(),
      fc.string({ maxLength: 7 }),
      fc.boolean(),
      fc.constant(null),
      fc.constant('open'),
    )
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom('temperature', 'count', 'raining', 'note', 'door', 'extra'), values),
        (payload) => {
          const sent: unknown = JSON.parse(JSON.stringify(payload))
          expect(data(sent)).toBe(accepts(sent))
        },
      ),
      { numRuns: 2_000 },
    )
  })

  it('of a status admits what the hub takes without a flag', () => {
    const status = ajv.compile(schemas.status)
    const payloads = [
      {},
      { uptime: 5 },
      { status: 'online' },
      { battery_level: 0 },
      { battery_level: 101 },
      { status: 'asleep' },
      { firmware_version: 'x'.repeat(51) },
    ]
    for (const payload of payloads) {
      const parsed = parseStatus(payload)
      expect(status(payload)).toBe(!('code' in parsed) && parsed.flags.length === 0)
    }
  })

  it('of commands admits each with its own payload', () => {
    const cmd = ajv.compile(schemas.cmd)
    expect(cmd({ command: 'reboot', id: '1' })).toBe(true)
    expect(cmd({ command: 'set_interval', id: '1', payload: { interval: 5, unit: 's' } })).toBe(true)
    expect(cmd({ command: 'set_interval', id: '1', payload: { interval: 0, unit: 's' } })).toBe(false)
    expect(cmd({ command: 'explode', id: '1' })).toBe(false)
    expect(ajv.compile(jsonSchema(Bare).cmd)({ command: 'reboot', id: '1' })).toBe(false)
  })

  it('admits no other names when unknown fields are rejected', () => {
    const Closed = defineDeviceType('closed', { unknownField: 'reject', readings: { a: reading.float() } })
    const validate = ajv.compile(jsonSchema(Closed).data)
    expect(validate({ a: 1, timestamp: 1, id: 'x' })).toBe(true)
    expect(validate({ a: 1, b: 2 })).toBe(false)
  })
})

function accepts(payload: unknown): boolean {
  const parsed = parseData(payload)
  if ('code' in parsed || parsed.refused.length > 0) return false
  const validate = compileSampleValidator(Station, { badReading: 'reject' })
  return parsed.samples.every((sample) => !('code' in validate(sample)))
}

describe('AsyncAPI', () => {
  const servers = {
    default: { host: 'localhost:1883', protocol: 'mqtt' },
    north: { host: 'north:8883', protocol: 'secure-mqtt' },
  }
  const document = asyncApi([Station, Bare, Abstract], { title: 'Things', version: '1.0.0', servers })
  const text = JSON.stringify(document)

  it('fits the official schema of 3.0.0', () => {
    // It brings the schema of JSON Schema along, hence `meta`.
    const validator = formats.default(
      new Ajv({ strict: false, logger: false, meta: false, validateSchema: false }),
    )
    const validate = validator.compile(specs.schemas['3.0.0'] as object)
    expect(validate(JSON.parse(text)), JSON.stringify(validate.errors?.slice(0, 3))).toBe(true)
    expect(validate({ ...document, info: {} })).toBe(false)
  })

  it('refers only to what is there', () => {
    const references = [...text.matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path]) => path as string)
    expect(references.length).toBeGreaterThan(20)
    for (const path of references) {
      const target = path
        .split('/')
        .reduce<unknown>((part, key) => (part as Record<string, unknown> | undefined)?.[key], document)
      expect(target, path).toBeDefined()
    }
  })

  it('has the channels that a type uses, at their topics and servers', () => {
    expect(Object.keys(document.channels)).toEqual([
      ...['data', 'status', 'cmd', 'response', 'state', 'desired'].map((channel) => `station_${channel}`),
      'bare_data',
      'bare_status',
    ])
    expect(document.channels.station_cmd).toMatchObject({
      address: 'things/station/{device_id}/cmd',
      servers: [{ $ref: '#/servers/default' }],
    })
    expect(document.channels.bare_data).toMatchObject({
      address: 'x/{device_id}/data',
      servers: [{ $ref: '#/servers/north' }],
    })
  })

  it('is written from the side of the hub: it receives data and sends commands, whose answers come back', () => {
    expect(document.operations.receive_station_data).toMatchObject({ action: 'receive' })
    expect(document.operations.send_station_cmd).toMatchObject({
      action: 'send',
      reply: { channel: { $ref: '#/channels/station_response' } },
    })
    expect(document.operations.send_station_desired).toMatchObject({ bindings: { mqtt: { retain: true } } })
  })

  it('leaves abstract types out', () => {
    expect(text).not.toContain('abstract')
  })
})
