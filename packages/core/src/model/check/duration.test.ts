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
  ])('%s is %s ms', (given, milliseconds) => expect(take(given)).toEqual({ connectTimeout: milliseconds }))

  it.each([
    '30',
    '',
    's',
    '30 s',
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
      /^createDeviceClient: connectTimeout must be a duration from 1ms to 1h: seconds, or text with its unit such as '30s' or '250ms', not /,
    ),
  )

  it('above what can be meant: asked whether milliseconds were', () => {
    expect(message(30_000)).toContain("not 30000 s; did you mean 30 or '30s'?")
    expect(message(4_500)).toContain("not 4500 s; did you mean '4500ms'?")
    expect(message(1e12)).not.toContain('did you mean')
    expect(message('2h')).not.toContain('did you mean')
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
