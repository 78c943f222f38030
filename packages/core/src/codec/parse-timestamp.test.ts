import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseTimestamp } from './parse-timestamp.js'

const at = (text: string) => Date.parse(text)

describe('a timestamp', () => {
  it.each([
    ['2026-03-01T12:00:00Z', at('2026-03-01T12:00:00Z')],
    ['2026-03-01T12:00:00.5Z', at('2026-03-01T12:00:00.500Z')],
    ['2026-03-01T12:00:00.123999999Z', at('2026-03-01T12:00:00.123Z')],
    ['2026-03-01t12:00:00z', at('2026-03-01T12:00:00Z')],
    ['2026-03-01 12:00:00+02:00', at('2026-03-01T10:00:00Z')],
    ['2026-01-01T00:30:00+05:45', at('2025-12-31T18:45:00Z')],
    ['2026-03-01T12:00:00-00:00', at('2026-03-01T12:00:00Z')],
    ['2024-02-29T00:00:00Z', at('2024-02-29T00:00:00Z')],
    ['2000-02-29T00:00:00Z', at('2000-02-29T00:00:00Z')],
    ['2016-12-31T23:59:60Z', at('2017-01-01T00:00:00Z')],
    ['0001-01-01T00:00:00Z', -62_135_596_800_000],
    ['0099-06-01T00:00:00Z', at('0099-06-01T00:00:00Z')],
    ['9999-12-31T23:59:59.999Z', 253_402_300_799_999],
  ])('%s is read', (text, ms) => {
    expect(parseTimestamp(text)).toBe(ms)
  })

  it.each([
    [1_772_366_400, 1_772_366_400_000],
    [1_772_366_400.25, 1_772_366_400_250],
    [1_772_366_400_123, 1_772_366_400_123],
    [1_772_366_400_123.6, 1_772_366_400_124],
    [0, 0],
    [99_999_999_999, 99_999_999_999_000],
    [100_000_000_000, 100_000_000_000],
  ])('%d is read as %d ms', (number, ms) => {
    expect(parseTimestamp(number)).toBe(ms)
  })

  it.each([
    '2026-03-01T12:00:00',
    '2026-03-01',
    '2026-02-30T12:00:00Z',
    '2025-02-29T00:00:00Z',
    '1900-02-29T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-00-01T00:00:00Z',
    '2026-01-00T00:00:00Z',
    '2026-01-01T24:00:00Z',
    '2026-01-01T00:60:00Z',
    '2026-01-01T00:00:61Z',
    '2026-01-01T00:00:00+24:00',
    '2026-01-01T00:00:00+0200',
    '2026-01-01T00:00:00+02:00 ',
    '2026-01-01T00:00:00+02:0',
    '2026-01-01T00:00:00.Z',
    '2026-01-01T00:00:00ZZ',
    '2026-01-01T00:00:00Z ',
    '2026-01-01T00:00Z       ',
    '2026/01/01T00:00:00Z',
    '0000-01-01T00:00:00Z',
    '0001-01-01T00:00:00+01:00',
    '+2026-01-01T00:00:00Z',
    '٢٠٢٦-01-01T00:00:00Z',
    '1772366400',
    'yesterday',
    '',
    -1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    1e300,
    true,
    null,
    undefined,
    {},
    [1],
    new Date(Number.NaN),
    new Date(8.64e15),
  ])('%j is refused', (value) => {
    expect(parseTimestamp(value)).toBeUndefined()
  })

  it('agrees with Date on every time of day and date, in every offset', () => {
    const times = fc.date({
      min: new Date('0001-01-03T00:00:00Z'),
      max: new Date('9999-12-29T00:00:00Z'),
      noInvalidDate: true,
    })
    fc.assert(
      fc.property(times, fc.integer({ min: -1439, max: 1439 }), (date, offset) => {
        expect(parseTimestamp(date.toISOString())).toBe(date.getTime())
        const local = new Date(date.getTime() + offset * 60_000).toISOString().slice(0, -1)
        const [hours, minutes] = [Math.floor(Math.abs(offset) / 60), Math.abs(offset) % 60]
        const suffix = `${offset < 0 ? '-' : '+'}${String(hours).padStart(2, '0')}:${String(minutes).padStart(2, '0')}`
        expect(parseTimestamp(local + suffix)).toBe(date.getTime())
      }),
    )
  })

  it('is never read from a text that Date cannot read', () => {
    const near = fc.tuple(
      fc.constant('2026-03-01T12:00:00.5+02:00'),
      fc.nat(26),
      fc.string({ minLength: 1, maxLength: 1 }),
    )
    fc.assert(
      fc.property(near, ([text, index, character]) => {
        const changed = text.slice(0, index) + character + text.slice(index + 1)
        // A leap second, which Date does not know.
        fc.pre(!changed.startsWith(':60', 16))
        const parsed = parseTimestamp(changed)
        if (parsed !== undefined) expect(parsed).toBe(Date.parse(changed))
      }),
      { numRuns: 3_000 },
    )
  })
})
