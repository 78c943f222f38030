import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cborCodec } from './cbor.js'
import { fineFraction } from './fraction.js'
import { readHead } from './sample-head.js'

describe('the decimals of a second beyond the millisecond', () => {
  it.each<[unknown, string]>([
    ['2026-05-01T10:00:00.123456Z', '123456'],
    ['2026-05-01 10:00:00,123456789+02:00', '123456789'],
    ['20260501T100000.0001Z', '0001'],
    ['2026-05-01T10:00:00.000000000001Z', '000000000001'],
    [1_777_629_600_000_100, '0001'],
    [1_777_629_600_999_999, '999999'],
    [1_777_629_600_123_000_001n, '123000001'],
    ['1777629600123000001', '123000001'],
    ['1777629600.1234', '1234'],
    [1_777_629_600.1234, '1234'],
    [1_777_629_600_123.5, '1235'],
    [-1, ''],
  ])('of %s are %j', (time, expected) => {
    expect(fineFraction(time)).toBe(expected)
  })

  it.each([
    1_777_629_600,
    1_777_629_600.1,
    1_777_629_600.123,
    1_777_629_600_123,
    1_777_629_600_123_000,
    1_777_629_600_123_000_000n,
    '1777629600123000000',
    '1777629600.123000',
    '2026-05-01T10:00Z',
    '2026-05-01T10:00:00Z',
    '2026-05-01T10:00:00.123Z',
    '2026-05-01T10:00:00.1230000+02:00',
    '20260501T100000',
    new Date(),
    'never',
    '',
    null,
    {},
  ])('of %s there are none', (time) => {
    expect(fineFraction(time)).toBe('')
  })

  it('are the same however a time is written, and tell any two microseconds apart', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999_999 }), (micros) => {
        const decimals = String(micros).padStart(6, '0')
        const written = [
          1_777_629_600_000_000 + micros,
          BigInt(1_777_629_600_000_000 + micros) * 1000n,
          `1777629600.${decimals}`,
          `2026-05-01T10:00:00.${decimals}Z`,
          Number(`1777629600.${decimals}`),
        ].map((time) => readHead({ timestamp: time }).fraction)
        const expected = micros % 1000 === 0 ? undefined : decimals.replace(/0+$/, '')
        expect(written).toEqual(Array(5).fill(expected))
      }),
    )
  })

  it('of a time of CBOR survive', () => {
    // 1(1777629600.1234)
    const bytes = Buffer.alloc(10)
    bytes.writeUInt16BE(0xc1fb)
    bytes.writeDoubleBE(1_777_629_600.1234, 2)
    const context = { channel: 'data', topic: 't', deviceId: 'd', receivedAt: new Date(0) } as const
    expect(readHead({ timestamp: cborCodec.decode(bytes, context) })).toEqual({
      timestamp: 1_777_629_600_123,
      fraction: '1234',
      id: null,
      flags: [],
    })
  })
})
