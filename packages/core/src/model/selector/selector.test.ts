import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { defineDeviceType, reading, state } from '../../index.js'
import { conditionsOf } from './conditions-of.js'
import { formatSelector } from './format-selector.js'
import { parseSelector } from './parse-selector.js'
import type { Selector } from './selector.js'

const Station = defineDeviceType('station', {
  readings: {
    temperature: reading.float(),
    door: reading.boolean(),
    place: reading.geo(),
    seq: reading.integer(),
  },
  state: {
    mode: state.enum(['eco', 'boost'], { default: 'eco' }),
    note: state.string(),
    since: state.datetime(),
    level: state.integer(),
    config: state.json(),
  },
})
const Meter = defineDeviceType('meter', {
  readings: { power: reading.float(), temperature: reading.string() },
  state: { level: state.string() },
})
const NOW = Date.UTC(2026, 2, 1, 12)

const conditionOf = (selector: unknown, types = [Station, Meter]) =>
  conditionsOf('test', types, selector, NOW)
const station = (selector: unknown) => conditionsOf('test', [Station], selector, NOW).get(Station)
const refusal = (run: () => unknown): string => {
  try {
    run()
  } catch (error) {
    return (error as Error).message
  }
  return 'nothing was refused'
}

describe('conditions of a selector', () => {
  const battery = { of: 'device', name: 'batteryLevel' }

  test.each([
    [{}, { kind: 'all', of: [] }],
    [{ or: [] }, { kind: 'any', of: [] }],
    [{ or: [{}, { status: 'online' }] }, { kind: 'all', of: [] }],
    [{ batteryLevel: 5 }, { kind: 'oneOf', value: battery, values: [5] }],
    [{ batteryLevel: null }, { kind: 'absent', value: battery }],
    [{ batteryLevel: { ne: null } }, { kind: 'not', of: { kind: 'absent', value: battery } }],
    [{ not: { not: { batteryLevel: null } } }, { kind: 'absent', value: battery }],
    [
      { lastSeen: { lt: 'now-1h' } },
      { kind: 'compare', value: { of: 'device', name: 'lastSeen' }, relation: 'lt', with: NOW - 3_600_000 },
    ],
    [
      { state: { since: { gte: new Date(5) } } },
      { kind: 'compare', value: { of: 'state', name: 'since' }, relation: 'gte', with: 5 },
    ],
    [
      { labels: { site: ['north', 'south'] } },
      { kind: 'oneOf', value: { of: 'label', name: 'site' }, values: ['north', 'south'] },
    ],
  ])('%j', (selector, condition) => {
    expect(station(selector)).toEqual(condition)
  })

  test('what only another type has is absent', () => {
    const conditions = conditionOf({ readings: { power: { gt: 3 } } })
    expect(conditions.get(Station)).toEqual({ kind: 'any', of: [] })
    expect(conditions.get(Meter)).toMatchObject({ kind: 'compare', relation: 'gt' })
    expect(conditionOf({ readings: { power: null } }).get(Station)).toEqual({ kind: 'all', of: [] })
    expect(conditionOf({ not: { readings: { power: { gt: 3 } } } }).get(Station)).toEqual({
      kind: 'all',
      of: [],
    })
  })

  test('a value that fits the field of one type is no value of the other', () => {
    const conditions = conditionOf({ state: { level: 'high' } })
    expect(conditions.get(Station)).toEqual({ kind: 'any', of: [] })
    expect(conditions.get(Meter)).toMatchObject({ kind: 'oneOf', values: ['high'] })
  })

  test('the type is decided when it is read', () => {
    expect(conditionOf({ type: 'meter' }).get(Station)).toEqual({ kind: 'any', of: [] })
    expect(conditionOf({ type: { ne: 'meter' } }).get(Station)).toEqual({ kind: 'all', of: [] })
    expect(conditionOf({ type: ['meter', 'station'] }).get(Meter)).toEqual({ kind: 'all', of: [] })
  })

  test.each([
    [{ stauts: 'online' }, 'test: "stauts" is not known here; did you mean status?'],
    [{ status: 'onlin' }, 'test: status must be one of online'],
    [{ batteryLevel: '5' }, 'test: batteryLevel must be a number'],
    [{ firmwareVersion: { lt: '2' } }, 'test: firmwareVersion.lt cannot be: firmwareVersion has no order'],
    [{ state: { mod: 'eco' } }, 'test: state.mod is no state field; did you mean mode? Known: mode, note'],
    [{ state: { mode: 'fast' } }, 'test: state.mode must be one of eco, boost'],
    [{ state: { config: { a: 1 } } }, 'test: state.config.'],
    [{ readings: { place: 'x' } }, 'test: readings.place must be null, or { ne: null }'],
    [{ labels: { 'a b': 'x' } }, `test: labels.a b must be a label's key`],
    [{ labels: { site: '' } }, `test: labels.site must be a label's value`],
    [
      { or: [{ not: { batteryLevel: {} } }, { batteryLevel: { lt: 'x' } }] },
      'test: or[1].batteryLevel.lt must be a number',
    ],
    [{ lastSeen: '1h' }, 'test: lastSeen must be a Date, RFC 3339, a day, or a time relative to now'],
    [{ deviceId: [] }, 'test: deviceId has 0 items'],
    ['site:north', 'test: selector must be a selector such as'],
  ])('%j is refused', (selector, message) => {
    expect(refusal(() => station(selector))).toContain(message)
  })

  test('is bounded in depth and in parts', () => {
    let deep: unknown = {}
    for (let depth = 0; depth < 10_000; depth++) deep = { not: deep }
    expect(refusal(() => station(deep))).toContain('more than 16 selectors deep')
    const wide = { or: Array.from({ length: 600 }, () => ({ status: 'online', isActive: true })) }
    expect(refusal(() => station(wide))).toContain('more than 1000 parts')
    const labels = Object.fromEntries(Array.from({ length: 1_001 }, (_, index) => [`k${index}`, 'v']))
    expect(refusal(() => station({ labels }))).toContain('more than 1000 parts')
  })
})

describe('a selector as text', () => {
  test.each<[string, Selector]>([
    ['', {}],
    [
      'site:north battery<20 firmware!=2.1',
      { labels: { site: 'north' }, batteryLevel: { lt: 20 }, firmwareVersion: { ne: '2.1' } },
    ],
    [
      'mode:eco,boost temperature>=21.5',
      { state: { mode: ['eco', 'boost'] }, readings: { temperature: { gte: 21.5 } } },
    ],
    ['label.mode:eco', { labels: { mode: 'eco' } }],
    ['site:* -customer:*', { labels: { site: { ne: null } }, not: { labels: { customer: { ne: null } } } }],
    ['customer!=*', { labels: { customer: null } }],
    ['seen<now-1h created>2026-01-01', { lastSeen: { lt: 'now-1h' }, createdAt: { gt: '2026-01-01' } }],
    ['pump "main hall"', { and: [{ search: 'pump' }, { search: 'main hall' }] }],
    [
      'status:online or status:error active:true',
      { or: [{ status: 'online' }, { status: 'error', isActive: true }] },
    ],
    ['not (status:online and synced:false)', { not: { status: 'online', inSync: false } }],
    ['battery>=5 battery<10', { and: [{ batteryLevel: { gte: 5 } }, { batteryLevel: { lt: 10 } }] }],
    ['note:"a \\"b\\", c"', { state: { note: 'a "b", c' } }],
    ['type:station,meter id:A-1', { type: ['station', 'meter'], deviceId: 'A-1' } as Selector],
  ])('%s', (text, selector) => {
    expect(parseSelector(text, [Station])).toEqual(selector)
    if (!text.includes('type:')) {
      const again = parseSelector(formatSelector(parseSelector(text, [Station]), [Station]), [Station])
      expect(station(again)).toEqual(station(parseSelector(text, [Station])))
    }
  })

  test.each([
    ['battery<low', 'at character 1, before "battery<low": this is compared with a number'],
    ['(status:online', 'at character 1, before "(status:online": the bracket is not closed'],
    ['status:online)', 'at character 14, before ")": here a bracket is closed that was not opened'],
    ['a or', 'here nothing stands on one side of `or`'],
    ['and a', 'here nothing stands before `and`'],
    ['a not', 'here something should follow'],
    ['site: north', 'at character 6, before " north": here a value should stand'],
    ['site:"north', 'here a value should stand'],
    ['site<*', '* stands for any value'],
    ['seen<yesterday', 'a time is RFC 3339'],
    ['active:maybe', 'this is true or false'],
    ['battery<1,2', 'behind < stands one value'],
    [`${'('.repeat(100)}a`, 'more than 64 brackets deep'],
    ['x'.repeat(9000), 'parseSelector: text must be a selector as text, of at most 8192 characters'],
  ])('%s is refused', (text, message) => {
    expect(refusal(() => parseSelector(text))).toContain(message)
  })

  const matching = <V>(value: fc.Arbitrary<V>, ordered = false) =>
    fc.oneof(
      value,
      fc.constant(null),
      fc.array(value, { minLength: 1, maxLength: 3 }),
      fc.record(
        {
          ne: fc.option(value),
          notIn: fc.array(value, { minLength: 1, maxLength: 2 }),
          ...(ordered ? { lt: value, lte: value, gt: value, gte: value } : {}),
        },
        { requiredKeys: [] },
      ),
    )
  const text = fc
    .string({ minLength: 1, maxLength: 12, unit: 'grapheme' })
    .filter((each) => !/[\p{Cc}\p{Cs}]/u.test(each))
  const label = text.filter((each) => each.trim() === each && !/[\p{Zl}\p{Zp}]/u.test(each))
  const decimal = fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }))
  const time = fc.oneof(
    fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true }),
    fc.constantFrom('now', 'now-1h', 'now+2.5d', '2026-03-01T12:00:00Z'),
  )
  const flat = fc.record(
    {
      deviceId: matching(text),
      search: text,
      status: matching(fc.constantFrom('online', 'error')),
      isActive: fc.boolean(),
      inSync: fc.boolean(),
      batteryLevel: matching(decimal, true),
      firmwareVersion: matching(text),
      lastSeen: matching(time, true),
      labels: fc.dictionary(fc.constantFrom('site', 'mode', 'battery', 'state.mode', 'or'), matching(label)),
      state: fc.record(
        {
          mode: matching(fc.constantFrom('eco', 'boost')),
          note: matching(text),
          since: matching(time, true),
          level: matching(fc.integer()),
          config: fc.constantFrom(null, { ne: null }),
        },
        { requiredKeys: [] },
      ),
      readings: fc.record({ temperature: matching(decimal, true), door: fc.boolean() }, { requiredKeys: [] }),
    },
    { requiredKeys: [] },
  )
  const { selector } = fc.letrec<{ selector: unknown }>((tie) => ({
    selector: fc.oneof(
      { depthSize: 'small', maxDepth: 2 },
      flat,
      fc
        .record(
          {
            flat,
            and: fc.array(tie('selector'), { maxLength: 2 }),
            or: fc.array(tie('selector'), { maxLength: 2 }),
            not: tie('selector'),
          },
          { requiredKeys: [] },
        )
        .map(({ flat: keys, ...rest }) => ({ ...keys, ...rest })),
    ),
  }))

  test('what is written is read as the same selector, with its type', () => {
    fc.assert(
      fc.property(selector, (given) => {
        const written = formatSelector(given as Selector<typeof Station>, [Station])
        expect(flattened(station(parseSelector(written, [Station])))).toEqual(flattened(station(given)))
      }),
      { numRuns: 100, interruptAfterTimeLimit: 20_000 },
    )
  })

  test('and without it', () => {
    fc.assert(
      fc.property(selector, (given) => {
        const written = formatSelector(given as Selector)
        expect(flattened(station(parseSelector(written)))).toEqual(flattened(station(given)))
      }),
      { numRuns: 100, interruptAfterTimeLimit: 20_000 },
    )
  })

  test('whatever is typed is read or refused with its place', () => {
    const typed = fc.array(
      fc.constantFrom(
        'site',
        ':',
        '!=',
        '<',
        '>=',
        '(',
        ')',
        ' ',
        'or',
        'and',
        'not',
        '-',
        '"',
        ',',
        '*',
        '5',
        '\\',
        'é',
      ),
    )
    fc.assert(
      fc.property(typed, (parts) => {
        const message = refusal(() => parseSelector(parts.join(''), [Station]))
        expect(message).toMatch(/^(nothing was refused|parseSelector: at character \d+)/)
      }),
    )
  })
})

/** Parts in any order. */
function flattened(condition: unknown): unknown {
  return JSON.parse(
    JSON.stringify(condition, (key, value) =>
      key === 'of' && Array.isArray(value)
        ? value.map((each) => JSON.stringify(flattened(each))).sort()
        : Object.is(value, -0)
          ? 0
          : value,
    ),
  )
}
