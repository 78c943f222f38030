import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseTimestamp } from './parse-timestamp.js'
import { wallClockOf } from './time-zone.js'

const at = (text: string) => Date.parse(text)

describe('a timestamp', () => {
  it.each([
    ['2026-03-01T12:00:00Z', at('2026-03-01T12:00:00Z')],
    ['2026-03-01T12:00:00.5Z', at('2026-03-01T12:00:00.500Z')],
    ['2026-03-01T12:00:00,5Z', at('2026-03-01T12:00:00.500Z')],
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
    ['of Tasmota, without a zone', '2026-05-01T10:00:00'],
    ['of rtl_433, with a space', '2026-05-01 10:00:00'],
    ['with an offset without colon', '2026-05-01T11:00:00+0100'],
    ['with hours for an offset', '2026-05-01T11:00:00+01'],
    ['with a space before the offset', '2026-05-01 11:00:00 +0100'],
    ['without seconds', '2026-05-01T10:00Z'],
    ['without seconds and zone', '2026-05-01 10:00'],
    ['in the basic form', '20260501T100000Z'],
    ['in the basic form, with an offset', '20260501T110000.000+0100'],
    ['in the basic form, without seconds', '20260501T1000'],
    ['of The Things Network, in nanoseconds', '2026-05-01T10:00:00.000456789Z'],
    ['of Shelly, in seconds with fractions', 1_777_629_600.0004],
    ['of zigbee2mqtt, in milliseconds', 1_777_629_600_000],
    ['in microseconds', 1_777_629_600_000_123],
    ['in nanoseconds', 1.7776296e18],
    ['in nanoseconds, as CBOR has them', 1_777_629_600_000_000_123n],
    ['in seconds, as text', '1777629600'],
    ['in seconds with fractions, as text', '1777629600.0'],
    ['in nanoseconds, as text', '1777629600000000123'],
    ['of a date', new Date('2026-05-01T10:00:00Z')],
  ])('%s is read', (_, value) => {
    expect(parseTimestamp(value)).toBe(at('2026-05-01T10:00:00Z'))
  })

  it.each([
    [1_772_366_400, 1_772_366_400_000],
    [1_772_366_400.25, 1_772_366_400_250],
    [1_772_366_400_123, 1_772_366_400_123],
    [1_772_366_400_123.6, 1_772_366_400_124],
    [0, 0],
    [99_999_999_999, 99_999_999_999_000],
    [100_000_000_000, 100_000_000_000],
    [99_999_999_999_999, 99_999_999_999_999],
    [100_000_000_000_000, 100_000_000_000],
    [1e17, 100_000_000_000],
  ])('%d is read as %d ms', (number, ms) => {
    expect(parseTimestamp(number)).toBe(ms)
  })

  it.each([
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
    '2026-01-01T00:00:00+02:00 ',
    '2026-01-01T00:00:00+02:0',
    '2026-01-01T00:00:00+1',
    '2026-01-01T00:00:00 ',
    '2026-01-01T00:00:00  Z',
    '2026-01-01T00:00:00.Z',
    '2026-01-01T00:00.5Z',
    '2026-01-01T00:00:00ZZ',
    '2026-01-01T00:00:00Z ',
    '2026-01-01T00:00Z       ',
    '2026-01-01T000000Z',
    '20260101T00:00:00Z',
    '20260101 000000Z',
    '20260101T0000000Z',
    '2026/01/01T00:00:00Z',
    '0000-01-01T00:00:00Z',
    '0001-01-01T00:00:00+01:00',
    '+2026-01-01T00:00:00Z',
    '٢٠٢٦-01-01T00:00:00Z',
    '1772366400.',
    '.5',
    '1.7.7',
    '-1772366400',
    '1e9',
    '0x10',
    ' 1772366400',
    'yesterday',
    '',
    'x'.repeat(1_000_000),
    -1,
    -1n,
    10n ** 400n,
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
  ])('a value that is none is refused (%#)', (value) => {
    expect(parseTimestamp(value)).toBeUndefined()
  })

  const dates = fc.date({
    min: new Date('0001-01-03T00:00:00Z'),
    max: new Date('9999-12-29T00:00:00Z'),
    noInvalidDate: true,
  })
  const two = (number: number) => String(number).padStart(2, '0')

  it('is read in every form of it, and as what Date makes of the plain one', () => {
    fc.assert(
      fc.property(
        dates,
        fc.integer({ min: -1439, max: 1439 }),
        fc.constantFrom('T', 't', ' '),
        fc.constantFrom('minutes', 'seconds', 'milliseconds'),
        fc.constantFrom(':', '', 'hours', 'Z', 'none'),
        fc.boolean(),
        (date, minutes, separator, unit, zone, isBasic) => {
          const offset =
            zone === 'Z' || zone === 'none' ? 0 : zone === 'hours' ? Math.trunc(minutes / 60) * 60 : minutes
          const text = new Date(date.getTime() + offset * 60_000).toISOString()
          const [day, time] = [
            text.slice(0, 10),
            text.slice(11, unit === 'minutes' ? 16 : unit === 'seconds' ? 19 : 23),
          ]
          const [hours, rest] = [two(Math.floor(Math.abs(offset) / 60)), two(Math.abs(offset) % 60)]
          const sign = offset < 0 ? '-' : '+'
          const suffix =
            zone === 'none'
              ? ''
              : zone === 'Z'
                ? 'Z'
                : zone === 'hours'
                  ? sign + hours
                  : sign + hours + zone + rest
          const written = isBasic
            ? `${day.replaceAll('-', '')}T${time.replaceAll(':', '')}${suffix}`
            : `${day}${separator}${time}${suffix}`
          const kept = unit === 'minutes' ? 60_000 : unit === 'seconds' ? 1000 : 1
          expect(parseTimestamp(written)).toBe(Math.floor(date.getTime() / kept) * kept)
        },
      ),
      { numRuns: 3_000 },
    )
  })

  it('is read from every epoch number of the years 1974 to 5138, whatever its unit and writing', () => {
    const times = fc.integer({ min: at('1974-01-01T00:00:00Z'), max: at('5138-01-01T00:00:00Z') })
    const writings = fc.constantFrom(Number, String, BigInt)
    fc.assert(
      fc.property(times, fc.constantFrom(1, 1_000, 1_000_000), writings, (ms, factor, write) => {
        expect(parseTimestamp(write(BigInt(ms) * BigInt(factor)))).toBe(ms)
        expect(parseTimestamp(ms / 1000)).toBe(ms)
      }),
      { numRuns: 3_000 },
    )
  })

  it('is never read from a text that a plain grammar does not know', () => {
    const grammar =
      /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,]\d+)?)?(?: ?([Zz]|[+-]\d\d(?::?\d\d)?))?$|^\d+(\.\d+)?$/
    const near = fc.tuple(fc.constant('2026-03-01T12:00:00.5+02:00'), fc.nat(26), fc.string({ maxLength: 2 }))
    fc.assert(
      fc.property(near, ([text, index, character]) => {
        const changed = text.slice(0, index) + character + text.slice(index + 1)
        if (parseTimestamp(changed) !== undefined) expect(changed).toMatch(grammar)
      }),
      { numRuns: 5_000 },
    )
  })
})

describe('a time without a zone', () => {
  it('is of the wall clock that is given', () => {
    const read = (zone: string) => parseTimestamp('2026-07-01T12:00:00', wallClockOf(zone))
    expect(read('UTC')).toBe(at('2026-07-01T12:00:00Z'))
    expect(read('+02:00')).toBe(at('2026-07-01T10:00:00Z'))
    expect(read('-0330')).toBe(at('2026-07-01T15:30:00Z'))
    expect(read('Europe/Berlin')).toBe(at('2026-07-01T10:00:00Z'))
    expect(read('Asia/Kathmandu')).toBe(at('2026-07-01T06:15:00Z'))
    // One that names its zone does not care.
    expect(parseTimestamp('2026-07-01T12:00:00Z', wallClockOf('Asia/Tokyo'))).toBe(at('2026-07-01T12:00:00Z'))
  })

  it('that does not exist, where clocks go forward, is read with the offset before; one that exists twice is the first', () => {
    const berlin = wallClockOf('Europe/Berlin')
    const read = (text: string) => new Date(parseTimestamp(text, berlin) ?? 0).toISOString()
    expect(read('2026-03-29T01:59:59')).toBe('2026-03-29T00:59:59.000Z')
    expect(read('2026-03-29T02:30:00')).toBe('2026-03-29T01:30:00.000Z')
    expect(read('2026-03-29T03:00:00')).toBe('2026-03-29T01:00:00.000Z')
    expect(read('2026-10-25T01:59:00')).toBe('2026-10-24T23:59:00.000Z')
    expect(read('2026-10-25T02:30:00')).toBe('2026-10-25T00:30:00.000Z')
    expect(read('2026-10-25T03:00:00')).toBe('2026-10-25T02:00:00.000Z')
  })

  it.each([
    ['the first', '2026-10-25T00:30:05Z', '2026-10-25T00:30:00Z'],
    ['the first, by a clock that is slow', '2026-10-25T00:55:00Z', '2026-10-25T00:30:00Z'],
    ['the second', '2026-10-25T01:30:05Z', '2026-10-25T01:30:00Z'],
    ['the second, by a clock that is fast', '2026-10-25T01:10:00Z', '2026-10-25T01:30:00Z'],
    ['the second, after half an hour', '2026-10-25T02:05:00Z', '2026-10-25T01:30:00Z'],
    ['the first, long after', '2026-10-25T02:31:00Z', '2026-10-25T00:30:00Z'],
    ['the first, long before', '2026-10-24T12:00:00Z', '2026-10-25T00:30:00Z'],
  ])('that exists twice is %s of the two, heard of at %s', (_, near, meant) => {
    const berlin = wallClockOf('Europe/Berlin')
    const read = parseTimestamp('2026-10-25T02:30:00', berlin, at(near))
    expect(new Date(read ?? 0)).toEqual(new Date(meant))
    expect(parseTimestamp('2026-10-25T01:30:00', berlin, at(near))).toBe(at('2026-10-24T23:30:00Z'))
    expect(parseTimestamp('2026-10-25T02:30:00Z', berlin, at(near))).toBe(at('2026-10-25T02:30:00Z'))
  })

  it('comes back as the clock on the wall showed it, in every zone', () => {
    const zones = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata', 'Pacific/Apia']
    const instants = fc.date({
      min: new Date('1975-01-01'),
      max: new Date('2080-01-01'),
      noInvalidDate: true,
    })
    fc.assert(
      fc.property(fc.constantFrom(...zones), instants, (timeZone, instant) => {
        const shown = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' })
        const wall = shown.format(instant)
        const read = parseTimestamp(wall, wallClockOf(timeZone))
        expect(shown.format(read)).toBe(wall)
        // The same instant, or the other one of the hour that exists twice.
        const apart = Math.abs((read ?? 0) - Math.floor(instant.getTime() / 1000) * 1000)
        expect([0, 1_800_000, 3_600_000]).toContain(apart)
      }),
      { numRuns: 1_000 },
    )
  })

  it.each(['', 'Berlin', 'Mars/Olympus', '+25:00', '+2', 'utc+2', '02:00'])(
    'no zone is called %j',
    (name) => {
      expect(wallClockOf(name)).toBeUndefined()
    },
  )
})
