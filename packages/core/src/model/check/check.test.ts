import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type DeviceHubError, isDeviceHubError } from '../errors.js'
import * as check from './index.js'

interface Query {
  readonly order?: 'asc' | 'desc'
  readonly limit?: number
  readonly reconnect?: { readonly min?: number }
  readonly from?: Date
}

const QUERY = check.options<Query>({
  order: check.optional(check.word('asc', 'desc')),
  limit: check.optional(check.integer({ min: 1, max: 1000 })),
  reconnect: check.optional(
    check.options<{ readonly min?: number }>({ min: check.optional(check.number({ above: 0 })) }),
  ),
  from: check.optional(check.date),
})

const refusal = (value: unknown, rule: check.Rule<unknown> = QUERY): DeviceHubError => {
  try {
    check.accept('readings.list', 'query', rule, value, 'invalid_query')
  } catch (error) {
    if (isDeviceHubError(error)) return error
    throw error
  }
  throw new Error('nothing was refused')
}

describe('accept', () => {
  it('gives back a copy of what fits, without what is undefined', () => {
    const given = { order: 'desc', limit: undefined, from: new Date(5) }
    const taken = check.accept('readings.list', 'query', QUERY, given)
    expect(taken).toEqual({ order: 'desc', from: new Date(5) })
    expect(Object.keys(taken)).toEqual(['order', 'from'])
    expect(taken.from).not.toBe(given.from)
  })

  it('names function, key and what is expected', () => {
    const error = refusal({ order: 'desc;drop table billing--' })
    expect(error.message).toBe(
      'readings.list: order must be one of asc, desc, not "desc;drop table billing--"',
    )
    expect(error.code).toBe('invalid_query')
    expect(error.details).toEqual({
      function: 'readings.list',
      key: 'order',
      expected: 'one of asc, desc',
    })
  })

  it('names an unknown key with the nearest known one', () => {
    expect(refusal({ limt: 5 }).message).toBe(
      'readings.list: "limt" is not known here; did you mean limit? Known: order, limit, reconnect, from',
    )
    expect(refusal({ reconnect: { mni: 1 } }).message).toContain('reconnect."mni" is not known here')
    expect(refusal({ xyz: 1 }).message).toBe(
      'readings.list: "xyz" is not known here. Known: order, limit, reconnect, from',
    )
  })

  it('names the place of a nested value and of an item', () => {
    expect(refusal({ reconnect: { min: -1 } }).message).toContain(
      'reconnect.min must be a number above 0, not -1',
    )
    expect(refusal(['a', 3], check.list(check.text())).message).toContain('query[1] must be a text')
  })

  it('takes no built-in object for options', () => {
    for (const value of [null, 'x', 5, [], new Date(), new Map(), Promise.resolve(), () => {}])
      expect(refusal(value).message).toContain('query must be an object of options')
  })

  it('reads each value once, so that a getter cannot show one and hand over another', () => {
    let reads = 0
    const given = Object.defineProperty({}, 'order', {
      enumerable: true,
      get: () => (reads++ === 0 ? 'asc' : 'desc;drop table billing--'),
    })
    expect(check.accept('readings.list', 'query', QUERY, given)).toEqual({ order: 'asc' })
    const throwing = Object.defineProperty({}, 'order', {
      enumerable: true,
      get: () => {
        throw new Error('no')
      },
    })
    expect(refusal(throwing).message).toContain('order cannot be read')
  })

  it('shows no more than the beginning of a value, and nothing that is not printable', () => {
    const { message } = refusal({ order: `\u001b[31m${'x'.repeat(10_000)}` })
    expect(message.length).toBeLessThan(200)
    expect(message).toContain('\\u001b[31m')
  })

  it('shows nothing of what may be a secret', () => {
    const error = refusal('pass\0word', check.hidden(check.text()))
    expect(error.message).toContain('query must be a text of 1')
    expect(JSON.stringify([error.message, error.details])).not.toContain('pass')
  })

  it('says what is wrong inside an object rather than that neither of two fits', () => {
    const either = check.either(QUERY, check.word('none'))
    expect(refusal({ limit: 0 }, either).message).toContain(
      'limit must be a whole number from 1 to 1,000, not 0',
    )
    expect(refusal('some', either).message).toContain('query must be an object of options, or none')
  })

  it('shows the value, not its code, where another word for what is expected stands beside an alternative', () => {
    const rule = check.withExpected('a short name', check.withCode('invalid_topic', check.text({ max: 3 })))
    expect(refusal(7, check.either(rule, check.word('none'))).message).toBe(
      'readings.list: query must be a short name, or none, not 7',
    )
  })

  it('knows the former names of options', () => {
    const rules = {
      cleanStart: check.optional(check.flag),
      keepAlive: check.optional(check.number({ min: 0 })),
    }
    for (const [former, name] of [
      ['clean', 'cleanStart'],
      ['keepalive', 'keepAlive'],
    ] as const)
      expect(refusal({ [former]: 1 }, check.options<object>(rules as never)).message).toContain(
        `did you mean ${name}?`,
      )
  })

  it('gives a result or a DeviceHubError for every value', () => {
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true }), (value) => {
        for (const given of [value, { order: value }, { from: value, limit: value }, { reconnect: value }])
          try {
            check.accept('readings.list', 'query', QUERY, given)
          } catch (error) {
            expect(isDeviceHubError(error)).toBe(true)
          }
      }),
    )
  })
})

describe('rules', () => {
  it.each([
    ['text', check.text({ max: 3 }), ['abc', '😀😀😀'], ['', 'abcd', 'a\0', '\ud800', 5]],
    ['line', check.line(5), ['a b'], ['a\nb', '\u001b', '\u2028', '', 'abcdef']],
    ['number', check.number({ above: 0 }), [0.1], [0, Number.NaN, Number.POSITIVE_INFINITY, '1', 1n]],
    [
      'number with Infinity',
      check.number({ min: 0, infinite: true }),
      [0, Number.POSITIVE_INFINITY],
      [-1, Number.NaN],
    ],
    ['integer', check.integer({ min: 0 }), [0, 5], [0.5, -1, 2 ** 53, '5']],
    ['flag', check.flag, [true, false], [0, 'true', null]],
    ['date', check.date, [new Date(0)], [new Date(Number.NaN), '2026', 5, new Date(8.64e15)]],
    [
      'port',
      check.port<{ open(): void }>('a storage', 'open'),
      [{ open() {} }],
      [{}, { open: 1 }, null, 'x'],
    ],
    ['map', check.mapOf(check.integer()), [{ a: 1 }], [{ a: 'x' }, [], null]],
    ['list', check.list(check.flag, { max: 2 }), [[], [true]], [[true, true, true], {}, 'ab', [undefined]]],
    ['null', check.orNull(check.integer()), [null, 1], [undefined, '1']],
  ])('%s', (_, rule, good, bad) => {
    for (const value of good)
      expect(check.accept('f', 'value', rule as check.Rule<unknown>, value)).toEqual(value)
    for (const value of bad)
      expect(() => check.accept('f', 'value', rule as check.Rule<unknown>, value)).toThrow(/^f: (value|a)/)
  })

  it('keeps a key named __proto__ a key like any other', () => {
    const taken = check.accept('f', 'value', check.mapOf(check.integer()), JSON.parse('{"__proto__":1}'))
    expect(Object.entries(taken)).toEqual([['__proto__', 1]])
  })
})
