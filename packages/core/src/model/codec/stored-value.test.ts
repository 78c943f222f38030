import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { reading } from '../device-type/reading.js'
import { state } from '../device-type/state.js'
import { decodeBase64, encodeBase64 } from './base64.js'
import { fromStored, toJson, toStored } from './stored-value.js'

const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0)
const points = fc.record({
  lat: fc.double({ min: -90, max: 90, noNaN: true }),
  lon: fc.double({ min: -180, max: 180, noNaN: true }),
})
const dates = fc.date({
  min: new Date('0001-01-01T00:00:00Z'),
  max: new Date('9999-12-31T23:59:59.999Z'),
  noInvalidDate: true,
})
const texts = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((text) => !text.includes('\0'))
// JSON has no -0.
const json = fc
  .jsonValue({ maxDepth: 5 })
  .map((value) => JSON.parse(JSON.stringify(value)) as unknown)
  .filter((value) => value !== null)

describe('a value', () => {
  it.each([
    ['float', reading.float(), finite],
    ['integer', reading.integer(), fc.maxSafeInteger()],
    ['boolean', reading.boolean(), fc.boolean()],
    ['string', reading.string(), texts],
    ['enum', reading.enum(['a', 'b']), fc.constantFrom('a', 'b')],
    ['datetime', reading.datetime(), dates],
    ['json', reading.json(), json],
    ['binary', reading.binary(), fc.uint8Array()],
    ['geo', reading.geo(), points.map(({ lat, lon }) => ({ lat: lat + 0, lon: lon + 0 }))],
  ])('of kind %s comes back as it was stored, and through JSON as well', (_, field, values) => {
    fc.assert(
      fc.property(values as fc.Arbitrary<unknown>, (value) => {
        const stored = toStored(field, value)
        expect(fromStored(field, stored)).toEqual(value)
        const sent: unknown = JSON.parse(JSON.stringify(toJson(field, stored)))
        expect(toStored(field, sent)).toEqual(stored)
      }),
    )
  })

  it('that is null stays null, where null is admitted', () => {
    expect(toStored(reading.float(), null)).toBeNull()
    expect(fromStored(reading.datetime(), null)).toBeNull()
    expect(toJson(reading.binary(), null)).toBeNull()
    expect(() => toStored(state.float({ default: 1 }), null, 'limit')).toThrow('limit must have a value')
  })

  it('of bytes is a plain copy', () => {
    const given = Buffer.from([1, 2, 3])
    const stored = toStored(reading.binary(), given)
    given.fill(9)
    expect(stored).toEqual(Uint8Array.of(1, 2, 3))
    expect(Object.getPrototypeOf(stored)).toBe(Uint8Array.prototype)
  })

  const boom = (): never => {
    throw new Error('boom')
  }
  const hostile = (target: object) =>
    new Proxy(target, {
      get: boom,
      getPrototypeOf: boom,
      has: boom,
      ownKeys: boom,
      getOwnPropertyDescriptor: boom,
    })
  class Boom extends Date {
    override getTime = boom
    override valueOf = boom
    override toString = boom
    override [Symbol.toPrimitive] = boom as never
  }
  class Liar extends Date {
    override getTime = () => '7' as unknown as number
  }
  const fields = {
    float: reading.float(),
    integer: reading.integer(),
    chosen: reading.integer({ choices: [1, 2] }),
    boolean: reading.boolean(),
    string: reading.string(),
    enum: reading.enum(['a', 'b']),
    datetime: reading.datetime(),
    json: reading.json(),
    binary: reading.binary(),
    geo: reading.geo(),
  }
  it.each(Object.entries(fields))(
    'of kind %s is refused by name when it throws as it is looked at',
    (name, field) => {
      const { proxy, revoke } = Proxy.revocable({}, {})
      revoke()
      const values = [
        proxy,
        hostile({}),
        hostile([]),
        hostile(new Date()),
        hostile(Uint8Array.of(1)),
        hostile(boom),
        new Proxy(new Date(), {}),
        new Proxy(Uint8Array.of(1), {}),
        Object.create(Date.prototype),
        Object.create(Uint8Array.prototype),
        { valueOf: boom, toString: boom, [Symbol.toPrimitive]: boom },
        {
          get lat() {
            return boom()
          },
          lon: 1,
        },
      ]
      for (const value of values)
        expect(() => toStored(field, value, name)).toThrow(
          expect.objectContaining({ name: 'DeviceHubError', code: 'invalid_payload' }) as Error,
        )
    },
  )

  it('that is a date of a class of its own is read as the date it is', () => {
    expect(toStored(reading.datetime(), new Boom(5))).toBe(5)
    expect(toStored(reading.datetime(), new Liar(5))).toBe(5)
  })

  it('that does not fit is refused with its name and the rule', () => {
    const refused = (message: string) =>
      expect.objectContaining({ code: 'invalid_payload', message }) as Error
    expect(() => toStored(reading.integer(), 1.5, 'count')).toThrow(
      refused('count must be a whole number within ±(2^53 - 1)'),
    )
    expect(() => toStored(reading.float({ range: [0, 1] }), 2, 'level')).toThrow(
      refused('level must lie within 0 and 1'),
    )
    expect(() => toStored(reading.float(), 'x')).toThrow(refused('a float must be a finite number'))
  })

  it('as JSON has it is a text for times and bytes', () => {
    expect(toJson(reading.datetime(), 1_772_366_400_000)).toBe('2026-03-01T12:00:00.000Z')
    expect(toJson(reading.binary(), new Uint8Array([1, 2, 3, 255]))).toBe('AQID/w==')
  })
})

describe('base64', () => {
  it('is that of Buffer, both ways and in both alphabets', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const text = Buffer.from(bytes).toString('base64')
        expect(encodeBase64(bytes)).toBe(text)
        for (const form of [text, text.replaceAll('=', ''), Buffer.from(bytes).toString('base64url')]) {
          expect(decodeBase64(form)).toEqual(bytes)
        }
      }),
    )
  })

  it('is one text a value: nothing is skipped or ignored', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.base64String()), (text) => {
        const bytes = decodeBase64(text)
        if (bytes !== undefined)
          expect(encodeBase64(bytes).replaceAll('=', '')).toBe(
            text.replaceAll('-', '+').replaceAll('_', '/').replaceAll('=', ''),
          )
      }),
      { numRuns: 2_000 },
    )
  })
})
