import { defineDeviceType, reading } from '@devicehub/core/definition'
import { expect, test } from 'vitest'
import { createSampleEncoder } from './sample.js'

const Probe = defineDeviceType('probe', {
  // The hub may reject what is out of range; that is for the hub to say and to keep a record of.
  outOfRange: 'reject',
  readings: {
    temperature: reading.float({ range: [-40, 80] }),
    count: reading.integer(),
    open: reading.boolean(),
    note: reading.string({ maxLength: 10 }),
    mode: reading.enum(['fast', 'slow']),
    calibrated: reading.datetime(),
    raw: reading.binary({ maxLength: 4 }),
    extra: reading.json(),
    place: reading.geo(),
  },
})
const encode = createSampleEncoder(Probe, 'base64')
const at = new Date('2026-05-04T03:02:01.500Z')

test('every kind is written as the wire contract has it', () => {
  const sample = encode(
    {
      temperature: 21.5,
      count: 7,
      open: false,
      note: 'über',
      mode: 'slow',
      calibrated: new Date('2026-01-02T03:04:05Z'),
      raw: new Uint8Array([255, 0, 1]),
      extra: { a: [1, null, 'x'] },
      place: { lat: 48.1, lon: 11.5 },
    },
    { timestamp: at, id: 'first' },
  )
  expect(sample).toEqual({
    temperature: 21.5,
    count: 7,
    open: false,
    note: 'über',
    mode: 'slow',
    calibrated: '2026-01-02T03:04:05.000Z',
    raw: '/wAB',
    extra: { a: [1, null, 'x'] },
    place: { lat: 48.1, lon: 11.5 },
    timestamp: '2026-05-04T03:02:01.500Z',
    id: 'first',
  })
})

test('a codec that has bytes gets bytes', () => {
  const bytes = new Uint8Array([1, 2])
  expect(createSampleEncoder(Probe, 'bytes')({ raw: bytes }).raw).toBe(bytes)
})

test('every sample has a time and an id of its own, so that sent twice it is stored once', () => {
  const before = Date.now()
  const samples = Array.from({ length: 1000 }, () => encode({ count: 1 }))
  expect(new Set(samples.map(({ id }) => id)).size).toBe(1000)
  for (const { id, timestamp } of samples) {
    expect(id).toMatch(/^[A-Za-z0-9_-]{16}$/)
    expect(Date.parse(timestamp as string)).toBeGreaterThanOrEqual(before)
  }
  expect(encode({ count: 1 }, { timestamp: at }).timestamp).toBe('2026-05-04T03:02:01.500Z')
})

test('a reading may be null or left out; the hub decides on one out of range', () => {
  expect(encode({ temperature: null, count: undefined }, { timestamp: at, id: 'x' })).toEqual({
    temperature: null,
    timestamp: '2026-05-04T03:02:01.500Z',
    id: 'x',
  })
  expect(encode({ temperature: 900 }).temperature).toBe(900)
})

test.each([
  [{ temperature: '21' }, /temperature/],
  [{ temperature: Number.NaN }, /temperature.*NaN/],
  [{ count: 1.5 }, /count/],
  [{ open: 1 }, /open/],
  [{ note: 'far too long a note' }, /note.*10/],
  [{ note: new Date(0) }, /'note' is of kind string and takes no Date/],
  [{ note: new Uint8Array(1) }, /'note' is of kind string and takes no Uint8Array/],
  [{ mode: 'medium' }, /mode.*fast, slow/],
  [{ calibrated: 'yesterday' }, /calibrated/],
  [{ calibrated: new Date(Number.NaN) }, /'calibrated' is an invalid Date/],
  [{ raw: new Uint8Array(5) }, /raw.*4/],
  [{ extra: { at: new Map() } }, /'extra' is an object of Object/],
  [{ extra: [Number.POSITIVE_INFINITY] }, /'extra' is an array/],
  [{ extra: () => 1 }, /'extra' is a function/],
  [{ place: { lat: 91, lon: 0 } }, /place/],
  [{ temprature: 21 }, /temprature.*temperature, count/],
  [{}, /sample/],
])('%o is an error at the call', (readings, message) => {
  expect(() => encode(readings)).toThrow(
    expect.objectContaining({ code: 'invalid_payload', message: expect.stringMatching(message) }),
  )
})

test('a reading that is not nullable has to be there', () => {
  const Strict = defineDeviceType('strict', {
    readings: { level: reading.float({ nullable: false }), note: reading.string() },
  })
  const encodeStrict = createSampleEncoder(Strict, 'base64')
  expect(() => encodeStrict({ note: 'x' })).toThrow(/level/)
  expect(() => encodeStrict({ level: null })).toThrow(/level/)
  expect(encodeStrict({ level: 1 }).level).toBe(1)
})

test('without a type whatever JSON can hold goes, and nothing that it would lose', () => {
  const any = createSampleEncoder(null, 'base64')
  expect(
    any({ a: 1, b: at, c: new Uint8Array([1]), d: null, e: { f: 'g' } }, { timestamp: at, id: 'x' }),
  ).toEqual({
    a: 1,
    b: '2026-05-04T03:02:01.500Z',
    c: 'AQ==',
    d: null,
    e: { f: 'g' },
    timestamp: '2026-05-04T03:02:01.500Z',
    id: 'x',
  })
  expect(() => any({ a: Number.NaN })).toThrow(/'a' is NaN/)
  expect(() => any({ a: 1n })).toThrow(/'a' is a bigint/)
  expect(() => any({ id: 'x' })).toThrow(/'id' is not a reading/)
  expect(() => any({})).toThrow(/at least one reading/)
})
