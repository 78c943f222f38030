import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseData } from './parse-data.js'

const time = Date.parse('2026-03-01T12:00:00Z')

describe('data', () => {
  it('is a flat sample', () => {
    expect(parseData({ temperature: 25.3, timestamp: '2026-03-01T12:00:00Z', id: 'm-1' })).toEqual({
      form: 'flat',
      refused: [],
      samples: [
        {
          fields: { temperature: 25.3, timestamp: '2026-03-01T12:00:00Z', id: 'm-1' },
          timestamp: time,
          id: 'm-1',
          flags: [],
        },
      ],
    })
  })

  it('is a list of readings, with the time and id beside it', () => {
    const value = {
      readings: [
        { type: 'temperature', value: 25.3 },
        { type: 'door', value: null },
      ],
      timestamp: time,
      id: 7,
    }
    expect(parseData(value)).toMatchObject({
      form: 'list',
      samples: [{ fields: { temperature: 25.3, door: null }, timestamp: time, id: '7', flags: [] }],
    })
  })

  it('keeps readings that stand beside a list', () => {
    const value = { humidity: 40, readings: [{ type: 'temperature', value: 1 }] }
    expect(parseData(value)).toMatchObject({ samples: [{ fields: { humidity: 40, temperature: 1 } }] })
  })

  it('takes the last of a repeated reading and flags it', () => {
    const value = {
      readings: [
        { type: 'a', value: 1 },
        { type: 'a', value: 2 },
      ],
    }
    expect(parseData(value)).toMatchObject({ samples: [{ fields: { a: 2 }, flags: ['repeated_reading'] }] })
  })

  it('is a backfill of flat samples and lists', () => {
    const value = [
      { a: 1, timestamp: 1_772_366_400 },
      { readings: [{ type: 'a', value: 2 }], timestamp: 1_772_366_401 },
    ]
    expect(parseData(value)).toMatchObject({
      form: 'backfill',
      refused: [],
      samples: [
        { fields: { a: 1 }, timestamp: time },
        { fields: { a: 2 }, timestamp: time + 1000 },
      ],
    })
  })

  it('keeps the good samples of a backfill and says which are none', () => {
    const parsed = parseData([{ a: 1 }, 5, { readings: 5 }, [{ a: 1 }], { a: 2 }])
    expect(parsed).toMatchObject({ samples: [{ fields: { a: 1 } }, { fields: { a: 2 } }] })
    expect(parsed).toMatchObject({
      refused: [{ index: 1 }, { index: 2 }, { index: 3 }].map((item) => ({ ...item, code: 'invalid_shape' })),
    })
  })

  it.each([
    ['not a time', ['bad_timestamp']],
    [-5, ['bad_timestamp']],
    [{}, ['bad_timestamp']],
    [null, []],
    [undefined, []],
  ])('keeps a sample whose timestamp is %j, without it', (timestamp, flags) => {
    expect(parseData({ a: 1, timestamp })).toMatchObject({ samples: [{ timestamp: null, flags }] })
  })

  it.each([{}, [], '', 'x'.repeat(129), 'a\0', '\ud800', 1.5, Number.NaN, true])(
    'keeps a sample whose id is %j, without it',
    (id) => {
      expect(parseData({ a: 1, id })).toMatchObject({ samples: [{ id: null, flags: ['bad_id'] }] })
    },
  )

  it.each([null, 5, 'text', true, undefined, new Date(), new Uint8Array(3), new Map()])(
    'is not %j',
    (value) => {
      expect(parseData(value)).toMatchObject({ code: 'invalid_shape' })
    },
  )

  it.each([
    { readings: {} },
    { readings: null },
    { readings: [1] },
    { readings: [{ type: 'a' }] },
    { readings: [{ type: 5, value: 1 }] },
    { readings: [{ value: 1 }] },
  ])('is not %j', (value) => {
    expect(parseData(value)).toMatchObject({
      code: 'invalid_shape',
      reason: expect.stringContaining('readings') as string,
    })
  })

  it('is no empty backfill, and none above the limit', () => {
    expect(parseData([])).toMatchObject({ code: 'no_samples' })
    const samples = Array.from({ length: 10_001 }, () => ({ a: 1 }))
    expect(parseData(samples)).toMatchObject({ code: 'too_many_samples' })
    expect(parseData(samples.slice(1))).toMatchObject({ form: 'backfill' })
    expect(parseData([{}, {}], { maxSamples: 1 })).toMatchObject({ code: 'too_many_samples' })
  })

  it('never throws and changes no other object, whatever it is', () => {
    const keys = fc.oneof(
      fc.constantFrom('readings', 'timestamp', 'id', 'type', 'value', '__proto__', 'constructor'),
      fc.string(),
    )
    const anything = fc.anything({
      key: keys,
      withDate: true,
      withMap: true,
      withNullPrototype: true,
      withBigInt: true,
      withSparseArray: true,
    })
    const listed = fc.record({
      readings: fc.array(fc.record({ type: keys, value: anything })),
      timestamp: anything,
      id: anything,
    })
    fc.assert(
      fc.property(fc.oneof(anything, listed, fc.array(listed)), (value) => {
        const parsed = parseData(value)
        expect('code' in parsed ? parsed.reason : parsed.form).not.toBe('')
        expect(Object.keys(Object.prototype)).toEqual([])
      }),
      { numRuns: 2_000 },
    )
  })

  it('treats a reading called __proto__ like any other name', () => {
    const parsed = parseData(
      JSON.parse('{"readings":[{"type":"__proto__","value":{"polluted":1}}],"__proto__":{"polluted":2}}'),
    )
    if ('code' in parsed) throw new Error(parsed.reason)
    const fields = parsed.samples[0]?.fields as Record<string, unknown>
    expect(fields.polluted).toBeUndefined()
    expect(Object.keys(fields)).toEqual(['__proto__'])
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })
})
