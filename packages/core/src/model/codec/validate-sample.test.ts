import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { defineDeviceType } from '../device-type/define-device-type.js'
import type { OutOfRangePolicy, UnknownFieldPolicy } from '../device-type/device-type.js'
import { reading } from '../device-type/reading.js'
import { parseData } from './parse-data.js'
import { compileSampleValidator, type SamplePolicies } from './validate-sample.js'

const Station = defineDeviceType('station', {
  readings: {
    temperature: reading.float({ range: [-40, 80], precision: 1 }),
    count: reading.integer({ range: [0, null] }),
    raining: reading.boolean(),
    note: reading.string({ maxLength: 5 }),
    door: reading.enum(['open', 'closed']),
    calibrated: reading.datetime(),
    extra: reading.json(),
    shaped: reading.json({ schema: z.object({ a: z.number(), b: z.string().default('x') }) }),
    blob: reading.binary({ maxLength: 4 }),
    place: reading.geo(),
    level: reading.float(),
  },
})

function validate(
  payload: unknown,
  policies: Partial<SamplePolicies> = {},
  type: Parameters<typeof compileSampleValidator>[0] = Station,
) {
  const parsed = parseData(payload)
  if ('code' in parsed) throw new Error(parsed.reason)
  const [sample] = parsed.samples
  if (sample === undefined) throw new Error('no sample')
  return compileSampleValidator(type, policies)(sample)
}

/** The stored value of one reading. */
function stored(name: (typeof Station.readingNames)[number], value: unknown): unknown {
  const result = validate({ [name]: value })
  return 'code' in result ? result.code : result.values[Station.readingNames.indexOf(name)]
}

describe('a sample', () => {
  it('becomes values in the order of the readings, null for what was not sent', () => {
    expect(validate({ door: 'open', temperature: 21.5, timestamp: 1, id: 'x', device_id: 'y' })).toEqual({
      values: [21.5, null, null, null, 'open', null, null, null, null, null, null],
      flags: [],
    })
  })

  it('keeps the flags it came with', () => {
    expect(validate({ count: 1, timestamp: 'x' })).toMatchObject({ flags: ['bad_timestamp'] })
  })

  it.each([
    ['temperature', 25.34, 25.3],
    ['temperature', -0.04, 0],
    ['temperature', 5, 5],
    ['level', 25.345678, 25.345678],
    ['level', -0, 0],
    ['count', 5, 5],
    ['count', 5.0, 5],
    ['raining', false, false],
    ['note', 'grüße', 'grüße'],
    ['note', '😀😀😀😀😀', '😀😀😀😀😀'],
    ['door', 'closed', 'closed'],
    ['calibrated', '2026-03-01T12:00:00Z', 1_772_366_400_000],
    ['calibrated', 1_772_366_400, 1_772_366_400_000],
    ['extra', { b: [1, null, 'x'], a: {} }, '{"b":[1,null,"x"],"a":{}}'],
    ['extra', 'text', '"text"'],
    ['shaped', { a: 1 }, '{"a":1,"b":"x"}'],
    ['blob', 'AQID', new Uint8Array([1, 2, 3])],
    ['blob', '_-8=', new Uint8Array([255, 239])],
    ['blob', new Uint8Array([9]), new Uint8Array([9])],
    ['blob', '', new Uint8Array(0)],
    ['place', { lat: 48.2, lon: 16.4 }, '{"lat":48.2,"lon":16.4}'],
    ['place', { lat: -90, lon: 180, alt: -3, extra: 1 }, '{"lat":-90,"lon":180,"alt":-3}'],
  ])('%s: %j is stored as %j', (name, value, expected) => {
    expect(stored(name, value)).toEqual(expected)
  })

  it.each([
    ['temperature', '25'],
    ['temperature', Number.NaN],
    ['temperature', JSON.parse('1e999')],
    ['temperature', true],
    ['level', JSON.parse('1e999')],
    ['level', Number.NaN],
    ['temperature', {}],
    ['count', 1.5],
    ['count', 2 ** 53],
    ['raining', 1],
    ['raining', 'true'],
    ['note', 'abcdef'],
    ['note', '😀😀😀😀😀😀'],
    ['note', 'a\0'],
    ['note', '\ud83d'],
    ['note', '\ude00a'],
    ['note', 5],
    ['door', 'ajar'],
    ['door', ['open']],
    ['calibrated', '2026-03-01'],
    ['calibrated', new Date(Number.NaN)],
    ['extra', JSON.parse('[1e999]')],
    ['extra', { when: new Date() }],
    ['extra', { f() {} }],
    ['extra', { toJSON: () => 'other' }],
    ['extra', new Map()],
    ['shaped', { a: 'x' }],
    ['blob', 'AQI*'],
    ['blob', 'A'],
    ['blob', 'AQ=I'],
    ['blob', 'AQ='],
    ['blob', 'AQI=='],
    ['blob', '='],
    ['blob', 'AR=='],
    ['blob', 'AQID BA=='],
    ['blob', new Uint8Array(5)],
    ['blob', [1, 2]],
    ['place', { lat: 91, lon: 0 }],
    ['place', { lat: 0, lon: -181 }],
    ['place', { lat: '1', lon: 0 }],
    ['place', { lat: 1, lon: 2, alt: Number.POSITIVE_INFINITY }],
    ['place', [48, 16]],
  ])('%s: %j does not fit', (name, value) => {
    expect(stored(name, value)).toBe('invalid_type')
  })

  it('takes no big integers, which only CBOR has, but for times', () => {
    expect(stored('count', 5n)).toBe('invalid_type')
    expect(stored('extra', [5n])).toBe('invalid_type')
    expect(stored('calibrated', 1_772_366_400_000_000_000n)).toBe(1_772_366_400_000)
  })

  it('may nest JSON 64 levels deep and no deeper, without exhausting the stack', () => {
    const nested = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth))
    expect(stored('extra', nested(64))).toBe('['.repeat(64) + ']'.repeat(64))
    expect(stored('extra', nested(65))).toBe('invalid_type')
    expect(stored('extra', nested(200_000))).toBe('invalid_type')
    const cyclic: unknown[] = []
    cyclic.push(cyclic)
    expect(stored('extra', cyclic)).toBe('invalid_type')
  })

  it('is refused when a schema throws or is asynchronous', () => {
    const throws = z.string().refine(() => {
      throw new Error('boom')
    })
    const waits = z.string().refine(() => Promise.resolve(true) as never)
    const Odd = defineDeviceType('odd', {
      readings: { a: reading.json({ schema: throws }), b: reading.json({ schema: waits }) },
    })
    expect(validate({ a: 'x' }, {}, Odd)).toMatchObject({ code: 'invalid_type' })
    expect(validate({ b: 'x' }, {}, Odd)).toMatchObject({ code: 'invalid_type' })
  })

  it('is refused with the reading and what it should be', () => {
    expect(validate({ door: 'ajar' })).toEqual({
      code: 'invalid_type',
      reason: 'door must be one of open, closed',
    })
  })

  it('must have the readings that are required', () => {
    const Strict = defineDeviceType('strict', {
      readings: { a: reading.float({ nullable: false }), b: reading.float() },
    })
    expect(validate({ b: 1 }, {}, Strict)).toEqual({
      code: 'missing_reading',
      reason: 'strict.a is required and was not sent',
    })
    expect(validate({ a: null, b: 1 }, {}, Strict)).toMatchObject({ code: 'missing_reading' })
    expect(validate({ a: 0 }, {}, Strict)).toEqual({ values: [0, null], flags: [] })
  })

  it('must have some reading: null counts as sent', () => {
    expect(validate({})).toMatchObject({ code: 'no_readings' })
    expect(validate({ timestamp: 1, id: 'x' })).toMatchObject({
      code: 'no_readings',
      reason: expect.stringContaining('no reading was sent') as string,
    })
    expect(validate({ temprature: 1 })).toMatchObject({
      code: 'no_readings',
      reason: expect.stringContaining('"temprature"') as string,
    })
    expect(validate({ temperature: null })).toEqual({ values: Array(11).fill(null), flags: [] })
  })
})

describe('policies', () => {
  it.each<[OutOfRangePolicy, unknown, unknown]>([
    ['flag', 90, { values: expect.arrayContaining([90]) as unknown, flags: ['out_of_range:temperature'] }],
    ['clamp', 90, { values: expect.arrayContaining([80]) as unknown, flags: ['clamped:temperature'] }],
    ['clamp', -90, { values: expect.arrayContaining([-40]) as unknown, flags: ['clamped:temperature'] }],
    ['reject', 90, { code: 'out_of_range', reason: 'temperature is 90; its range is -40 to 80' }],
  ])('out of range, %s: %d', (outOfRange, temperature, expected) => {
    expect(validate({ temperature }, { outOfRange })).toEqual(expected)
  })

  it('the ends of a range are inside, and it is what is stored that counts', () => {
    expect(validate({ temperature: 80.04 }, { outOfRange: 'reject' })).toMatchObject({ flags: [] })
    expect(validate({ count: 0, temperature: -40 }, { outOfRange: 'reject' })).toMatchObject({ flags: [] })
    expect(validate({ count: -1 }, { outOfRange: 'reject' })).toMatchObject({
      reason: 'count is -1; its range is 0 to ∞',
    })
  })

  it.each<[UnknownFieldPolicy, unknown]>([
    ['ignore', { flags: [] }],
    ['flag', { flags: ['unknown_field'] }],
    ['reject', { code: 'unknown_field', reason: expect.stringContaining('"wind "') as string }],
  ])('unknown field, %s', (unknownField, expected) => {
    expect(validate({ count: 1, 'wind\n': 2 }, { unknownField })).toMatchObject(expected as object)
    expect(validate({ count: 1, timestamp: 1, id: 'x', device_id: 'y' }, { unknownField })).toMatchObject({
      flags: [],
    })
  })

  it('of the type go before those of the hub', () => {
    const Own = defineDeviceType('own', {
      outOfRange: 'reject',
      unknownField: 'reject',
      readings: { a: reading.float({ range: [0, 1] }) },
    })
    expect(validate({ a: 2 }, { outOfRange: 'flag' }, Own)).toMatchObject({ code: 'out_of_range' })
    expect(validate({ a: 1, b: 1 }, { unknownField: 'ignore' }, Own)).toMatchObject({ code: 'unknown_field' })
  })
})

describe('whatever comes', () => {
  const names = fc.constantFrom(...Station.readingNames, '__proto__', 'constructor', 'timestamp', 'x')
  const samples = fc.dictionary(
    names,
    fc.oneof(
      fc.anything({ withDate: true, withBigInt: true, withTypedArray: true }),
      fc.double(),
      fc.string({ unit: 'binary' }),
    ),
  )

  it('a validator never throws, changes no other object, and gives what databases take', () => {
    const validators = [{}, { outOfRange: 'clamp', unknownField: 'flag' } as const].map((policies) =>
      compileSampleValidator(Station, policies),
    )
    fc.assert(
      fc.property(samples, fc.constantFrom(...validators), (fields, check) => {
        const result = check({ fields, flags: [] })
        expect(Object.keys(Object.prototype)).toEqual([])
        if ('code' in result) return
        expect(result.values).toHaveLength(Station.readingNames.length)
        for (const value of result.values) {
          if (typeof value === 'number') expect(Number.isFinite(value)).toBe(true)
          else if (typeof value === 'string') expect(value).not.toContain('\0')
          else if (value !== null && typeof value !== 'boolean') expect(value).toBeInstanceOf(Uint8Array)
        }
      }),
      { numRuns: 3_000 },
    )
  })

  it('precision keeps the nearest number of so many places, once and for all', () => {
    const Precise = defineDeviceType('precise', { readings: { a: reading.float({ precision: 3 }) } })
    const check = compileSampleValidator(Precise)
    const round = (a: number) => {
      const result = check({ fields: { a }, flags: [] })
      if ('code' in result) throw new Error(result.reason)
      return result.values[0] as number
    }
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const rounded = round(value)
        expect(Math.abs(rounded - value)).toBeLessThanOrEqual(
          0.000_500_001 + Math.abs(value) * Number.EPSILON,
        )
        expect(round(rounded)).toBe(rounded)
        expect(Object.is(rounded, -0)).toBe(false)
      }),
    )
  })
})
