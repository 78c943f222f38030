import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cborCodec } from './cbor.js'
import { holdsMoreItemsThan } from './cbor-size.js'
import type { Codec } from './codec.js'
import { jsonCodec } from './json.js'

const context = {
  channel: 'data',
  topic: 'things/sensor/s1/data',
  deviceId: 's1',
  receivedAt: new Date(0),
} as const
const bytes = (text: string) => new TextEncoder().encode(text)
const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown)

describe.each<[string, Codec]>([
  ['json', jsonCodec],
  ['cbor', cborCodec],
])('the codec %s', (_, codec) => {
  it('gives back what it was given', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(codec.decode(codec.encode(value, context), context)).toEqual(value)
      }),
    )
  })

  it('either reads any bytes or throws an error with a short reason, and changes no other object', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (payload) => {
        try {
          codec.decode(payload, context)
        } catch (error) {
          expect(error).toBeInstanceOf(Error)
          expect((error as Error).message.length).toBeLessThan(200)
        }
        expect(Object.keys(Object.prototype)).toEqual([])
      }),
      { numRuns: 2_000 },
    )
  })

  it('keeps a key __proto__ as a key', () => {
    const payload =
      codec === jsonCodec
        ? bytes('{"__proto__":{"polluted":1}}')
        : Buffer.from('a1695f5f70726f746f5f5fa168706f6c6c7574656401', 'hex')
    const value = codec.decode(payload, context) as Record<string, unknown>
    expect(Object.keys(value)).toEqual(['__proto__'])
    expect(value.polluted).toBeUndefined()
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })

  it('writes a Date as its text, and leaves out what is undefined', () => {
    const value = { at: new Date('2026-03-01T12:00:00Z'), missing: undefined }
    expect(codec.decode(codec.encode(value, context), context)).toEqual({ at: '2026-03-01T12:00:00.000Z' })
  })

  it('refuses a megabyte of junk at once', () => {
    for (const junk of [0x5b, 0x81, 0x9f, 0xbf, 0xd8, 0xff, 0x20, 0x00].map((byte) =>
      new Uint8Array(1 << 20).fill(byte),
    )) {
      expect(() => codec.decode(junk, context)).toThrow(Error)
    }
  })
})

describe('JSON', () => {
  it.each([
    ['nothing', new Uint8Array(0), 'empty'],
    ['half a character', new Uint8Array([0x22, 0xc3, 0x22]), 'not UTF-8'],
    ['an overlong NUL', new Uint8Array([0x22, 0xc0, 0x80, 0x22]), 'not UTF-8'],
    ['a surrogate in UTF-8', new Uint8Array([0x22, 0xed, 0xa0, 0x80, 0x22]), 'not UTF-8'],
    ['a byte order mark alone', bytes('\ufeff'), 'not JSON'],
    ['a byte order mark in it', bytes('[\ufeff1]'), "not JSON: Unexpected token '\\ufeff'"],
    ['an invisible letter in it', bytes('{"a":1,\u200b"b":2}'), '\\u200b'],
    ['a NUL in it', bytes('{"a":\0 1}'), '\\u0000'],
    ['a line in a text', bytes('{"a":"x\ny"}'), '(found "\\u000a")'],
    ['something behind it', bytes('{"a":1}}'), '(found "}")'],
    ['half an object', bytes('{"a":'), 'not JSON'],
    ['two values', bytes('{}{}'), 'not JSON'],
    ['a word', bytes('{"a":nano}'), 'not JSON'],
    ['deep nesting that does not end', bytes('['.repeat(1 << 20)), 'not JSON'],
  ])('%s is refused', (_, payload, reason) => {
    expect(() => jsonCodec.decode(payload, context)).toThrow(reason)
  })

  it.each<[string, unknown]>([
    ['{"a":nan,"b":3}', { a: NaN, b: 3 }],
    ['{"a":{"b":[NaN,-nan,NAN]},"c":"nan \\"nan\\""}', { a: { b: [NaN, NaN, NaN] }, c: 'nan "nan"' }],
    ['[inf,-Infinity,+INF,nan(ind)]', [NaN, NaN, NaN, NaN]],
  ])('%s of firmware has NaN for what is no number', (text, value) => {
    expect(jsonCodec.decode(bytes(text), context)).toEqual(value)
  })

  it('looks for it in a hostile text once', () => {
    const text = `"${'\\"'.repeat(500_000)}`
    expect(() => jsonCodec.decode(bytes(text), context)).toThrow('not JSON')
    expect(() => jsonCodec.decode(bytes('n'.repeat(1 << 20)), context)).toThrow('not JSON')
  })

  it.each(['\ufeff{"a":1}', '{"a":1}\0', '\ufeff \0{"a":1}\r\n\0\0 \0'])(
    '%j has padding that does not count',
    (text) => {
      expect(jsonCodec.decode(bytes(text), context)).toEqual({ a: 1 })
    },
  )

  it('reads a part of a larger buffer', () => {
    const whole = bytes('xx{"a":"ü"}yy')
    expect(jsonCodec.decode(whole.subarray(2, whole.length - 2), context)).toEqual({ a: 'ü' })
  })

  it('does not write what it cannot say', () => {
    expect(() => jsonCodec.encode(undefined, context)).toThrow(
      expect.objectContaining({ code: 'invalid_payload' }),
    )
  })
})

describe('CBOR', () => {
  const hex = (text: string) => cborCodec.decode(Buffer.from(text, 'hex'), context)

  it('carries bytes as bytes', () => {
    const value = { blob: new Uint8Array([1, 2, 255]) }
    expect(cborCodec.decode(cborCodec.encode(value, context), context)).toEqual(value)
  })

  it('reads its own times', () => {
    expect(hex('c074323031332d30332d32315432303a30343a30305a')).toEqual(new Date('2013-03-21T20:04:00Z'))
    expect(hex('c11a514b67b0')).toEqual(new Date('2013-03-21T20:04:00Z'))
    expect(hex('c1fb41d452d9ec200000')).toEqual(new Date('2013-03-21T20:04:00.500Z'))
    expect(() => hex('c16161')).toThrow('RFC 3339')
  })

  it('reads self-described CBOR, half-precision floats and indefinite lengths', () => {
    expect(hex('d9d9f7a1616105')).toEqual({ a: 5 })
    expect(hex('f93e00')).toBe(1.5)
    expect(hex('bf6161019fff02ff'.replace('9fff02', '616202'))).toEqual({ a: 1, b: 2 })
  })

  it.each([
    ['a key twice', 'a2616101616102'],
    ['a key that is a number', 'a10102'],
    ['an unknown tag', 'd8646161'],
    ['more than one value', '0102'],
    ['an array that claims 2^32 members', '9affffffff00'],
    ['a text that claims more than there is', '7affffffff61'],
  ])('%s is refused', (_, payload) => {
    expect(() => hex(payload)).toThrow(Error)
  })
})

describe('CBOR of very many values', () => {
  /** A list of `count` empty maps. */
  const maps = (count: number) => {
    const payload = new Uint8Array(5 + count).fill(0xa0)
    payload[0] = 0x9a
    new DataView(payload.buffer).setUint32(1, count)
    return payload
  }

  it('is refused before it is decoded', () => {
    expect(cborCodec.decode(maps(1_000), context)).toHaveLength(1_000)
    expect(() => cborCodec.decode(maps(500_000), context)).toThrow('more than 500000 values')
  })

  it('counts items and not the bytes of texts', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string(), fc.uint8Array(), fc.integer(), fc.double())), (values) => {
        const payload = cborCodec.encode(values, context)
        expect(holdsMoreItemsThan(payload, values.length + 1)).toBe(false)
        expect(holdsMoreItemsThan(payload, values.length)).toBe(true)
      }),
    )
  })
})
