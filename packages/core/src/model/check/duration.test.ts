import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Duration } from '../duration.js'
import { durationText, parseDuration } from '../duration.js'
import { isDeviceHubError } from '../errors.js'
import * as check from './index.js'

const TIMEOUT = check.options<{ readonly connectTimeout?: number }>({
  connectTimeout: check.optional(check.duration({ min: '1ms', max: '1h' })),
})
const take = (connectTimeout: unknown) =>
  check.accept('createDeviceClient', 'options', TIMEOUT, { connectTimeout })
const message = (connectTimeout: unknown): string => {
  try {
    take(connectTimeout)
  } catch (error) {
    if (isDeviceHubError(error)) return error.message
  }
  throw new Error('nothing was refused')
}

describe('a duration', () => {
  it.each<[Duration, number]>([
    [30, 30_000],
    [0.25, 250],
    [1.005, 1005],
    ['250ms', 250],
    ['30s', 30_000],
    ['1.5s', 1500],
    ['15m', 900_000],
    ['1h', 3_600_000],
    ['1000s', 1_000_000],
    ['30000ms', 30_000],
  ])('%s is %s ms', (given, milliseconds) => expect(take(given)).toEqual({ connectTimeout: milliseconds }))

  it.each([
    '30',
    '',
    's',
    '30 s',
    'x\n'.repeat(40),
    '-1s',
    '1e3s',
    '30S',
    '1w',
    '1m30s',
    Number.NaN,
    Number.POSITIVE_INFINITY,
    -1,
    0,
    null,
    {},
    10n,
    new Date(),
  ])('%s is refused with function, key and an example', (given) =>
    expect(message(given)).toMatch(
      /^createDeviceClient: connectTimeout must be a duration from 1ms to 1h: seconds, or text with its unit \(ms, s, m, h, d\) such as '30s', not /,
    ),
  )

  it('above what can be meant: asked whether milliseconds were', () => {
    expect(message(30_000)).toContain("not 30000 s; did you mean 30 or '30s'?")
    expect(message(4_500)).toContain("not 4500 s; did you mean '4500ms'?")
    expect(message(1e12)).not.toContain('did you mean')
    expect(message('2h')).not.toContain('did you mean')
  })

  it('thousands within what can be meant: asked, too, and told how to insist', () => {
    expect(message(1_000)).toMatch(/not 1000 s; did you mean 1 or '1s'\? If not, write '1000s'$/)
    expect(message(3_000)).toMatch(/not 3000 s; did you mean 3 or '3s'\? If not, write '50m'$/)
    for (const seconds of [999, 1_001, 1_200, 1_500, 1_800, 3_600]) expect(() => take(seconds)).not.toThrow()
  })

  it('whole days are let through, unless they are whole hours in milliseconds', () => {
    const take = (value: number) => check.accept('f', 'value', check.duration({ min: '1m' }), value)
    for (const days of [1, 5, 7, 10, 30, 60, 90, 100, 180, 365])
      expect(take(days * 86_400)).toBe(days * 86_400_000)
    for (const hours of [3, 6, 12, 24])
      expect(() => take(hours * 3_600_000)).toThrow(`did you mean ${hours * 3_600} or`)
    expect(() => take(36_000)).toThrow(/not 36000 s; write '10h' if that is meant$/)
  })

  it.each([
    ['10 s', `not "10 s"; it has a space: did you mean '10s'?`],
    ['5 minutes', `not "5 minutes"; the unit "minutes" is not known: did you mean '5m'?`],
    ['5min', `not "5min"; the unit "min" is not known: did you mean '5m'?`],
    ['30S', `not "30S"; the unit "S" is not known: did you mean '30s'?`],
    ['1.5 Hours', 'not "1.5 Hours"; the unit "Hours" is not known'],
    ['1w', 'not "1w"; the unit "w" is not known'],
    ['30', `not "30"; it has no unit: did you mean '30s'?`],
    ['3 fortnights', 'not "3 fortnights"'],
    // A text that is no number with a word behind it may be a secret in the wrong place.
    ['x'.repeat(50), 'not a text of 50 characters'],
    ['5\u0007s', 'not a text of 3 characters'],
  ])('of %j the error says what is wrong', (given, end) => expect(message(given).endsWith(end)).toBe(true))

  it('a week is told in days where that fits', () => {
    const take = () => check.accept('f', 'value', check.duration(), '2w')
    expect(take).toThrow(/the unit "w" is not known: did you mean '14d'\?$/)
  })

  it('handed on, it is text that every other check takes', () => {
    const take = (value: unknown) =>
      check.accept('f', 'value', check.durationToHandOn({ infinite: true }), value)
    expect(take('10h')).toBe('36000000ms')
    expect(take(take('10h'))).toBe('36000000ms')
    expect(take(0.25)).toBe('250ms')
    expect(take(Number.POSITIVE_INFINITY)).toBe(Number.POSITIVE_INFINITY)
  })

  it('without end, and in whole seconds, where that is allowed', () => {
    const take = (bounds: check.DurationBounds, value: unknown) =>
      check.accept('f', 'value', check.duration(bounds), value)
    expect(take({ infinite: true }, Number.POSITIVE_INFINITY)).toBe(Number.POSITIVE_INFINITY)
    expect(take({ wholeSeconds: true }, '2m')).toBe(120_000)
    expect(() => take({ wholeSeconds: true }, 1.5)).toThrow(/a duration in whole seconds .*, not 1.5 s/)
    expect(() => take({ wholeSeconds: true }, '1500ms')).toThrow(/whole seconds/)
  })

  it('an option that had its unit in its name says what it is now', () => {
    expect(() => check.accept('f', 'options', TIMEOUT, { connectTimeoutMs: 5 })).toThrow(
      /"connectTimeoutMs" is not known here; connectTimeoutMs is now connectTimeout, a duration: seconds, or text such as '250ms'/,
    )
  })

  it('is read the same from its text', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 10 ** 14 }),
        (milliseconds) => parseDuration(durationText(milliseconds)) === milliseconds,
      ),
    )
  })
})
