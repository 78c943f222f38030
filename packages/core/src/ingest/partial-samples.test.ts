import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { defineDeviceType } from '../model/device-type/define-device-type.js'
import { reading } from '../model/device-type/reading.js'
import { deviceWorld, NOW } from './testing/device-world.js'

const Station = defineDeviceType('station', {
  readings: {
    temperature: reading.float(),
    count: reading.integer(),
    door: reading.enum(['open', 'closed']),
  },
})
const Strict = defineDeviceType('strict', {
  readings: { temperature: reading.float({ nullable: false }), count: reading.integer() },
})

describe('a value that does not fit', () => {
  test.each<[string, object, string, object]>([
    ['"nan"', { temperature: 'nan', count: 5 }, 'bad_reading:temperature', { temperature: null, count: 5 }],
    ['"23,5"', { temperature: '23,5', count: 5 }, 'bad_reading:temperature', { temperature: null, count: 5 }],
    ['"unknown"', { door: 'unknown', count: 5 }, 'bad_reading:door', { door: null, count: 5 }],
    ['beyond 2^53', { temperature: 4, count: 2 ** 60 }, 'bad_reading:count', { temperature: 4, count: null }],
  ])('%s is left out and named, the other readings are stored', async (_, payload, flag, values) => {
    const { send, readings, messages } = await deviceWorld(Station)
    expect(await send(payload)).toEqual({ status: 'stored', samples: 1, duplicates: 0 })
    expect(await readings()).toMatchObject([{ readings: values, flags: [flag] }])
    const [row] = await messages()
    expect(row).toMatchObject({ status: 'processed', code: 'partially_rejected', flags: flag })
    expect(row?.reason).toContain(`${flag.split(':')[1]} must be`)
  })

  test('nan, which is no JSON, is left out too; the row keeps the bytes', async () => {
    const { send, readings, messages } = await deviceWorld(Station)
    const payload = '{"temperature":nan,"count":5}'
    expect(await send(payload)).toEqual({ status: 'stored', samples: 1, duplicates: 0 })
    expect(await readings()).toMatchObject([
      { readings: { temperature: null, count: 5 }, flags: ['bad_reading:temperature'] },
    ])
    const [row] = await messages()
    expect(row).toMatchObject({ code: 'partially_rejected', payloadJson: null })
    expect(Buffer.from(row?.payloadRaw ?? []).toString()).toBe(payload)
  })

  test('is one sample however often it is sent', async () => {
    const { send, readings } = await deviceWorld(Station)
    const payload = { temperature: 'nan', count: 5, id: 'a' }
    await send(payload)
    expect(await send(payload)).toEqual({ status: 'duplicate' })
    expect(await readings()).toHaveLength(1)
  })

  test('refuses the sample when nothing else was sent', async () => {
    const { send, readings } = await deviceWorld(Station)
    expect(await send({ temperature: 'nan' })).toMatchObject({ status: 'rejected', code: 'invalid_type' })
    expect(await send({ temperature: 'nan', door: 3 })).toMatchObject({
      status: 'rejected',
      code: 'invalid_type',
    })
    expect(await readings()).toEqual([])
  })

  test('refuses the sample when the reading is required', async () => {
    const { send } = await deviceWorld(Strict)
    expect(await send({ temperature: 'nan', count: 5 })).toMatchObject({ code: 'invalid_type' })
    expect(await send({ count: 5 })).toMatchObject({ code: 'missing_reading' })
    expect(await send({ temperature: 1, count: 'x' })).toMatchObject({ status: 'stored' })
  })

  test.each(['hub', 'type'])('refuses the sample where the %s says so', async (who) => {
    const Own = defineDeviceType('station', { extends: Station, badReading: 'reject' })
    const { send, readings } = await (who === 'type'
      ? deviceWorld(Own)
      : deviceWorld(Station, { badReading: 'reject' }))
    expect(await send({ temperature: 'nan', count: 5 })).toMatchObject({
      status: 'rejected',
      code: 'invalid_type',
    })
    expect(await send({ readings: [{ type: 'count', value: 5 }, null] })).toMatchObject({
      code: 'invalid_shape',
    })
    expect(await readings()).toEqual([])
  })

  test('of a null is none: a broken probe says so', async () => {
    const { send, readings } = await deviceWorld(Station)
    await send({ temperature: null })
    expect(await readings()).toMatchObject([{ flags: [] }])
  })

  test('in a backfill is named in its sample and in the audit row', async () => {
    const { send, readings, messages } = await deviceWorld(Station)
    await send([
      { temperature: 'nan', count: 1, timestamp: NOW - 2000 },
      { temperature: 2, timestamp: NOW - 1000 },
      { door: 'ajar', timestamp: NOW },
    ])
    expect((await readings()).map(({ flags }) => flags)).toEqual([['bad_reading:temperature'], []])
    const [row] = await messages()
    expect(row?.flags).toBe('bad_reading:temperature partial')
    expect(row?.reason).toContain('1 of 3 samples were refused: [2] door must be one of open, closed')
    expect(row?.reason).toContain('readings were left out: [0] temperature must be a finite number')
  })
})

describe('an item of a list that is no reading', () => {
  test('is left out, the others are stored', async () => {
    const { send, readings, messages } = await deviceWorld(Station)
    const items = [
      null,
      5,
      { type: 'count' },
      { value: 3 },
      { type: 'temperature', value: 21 },
      { type: 'x' },
    ]
    expect(await send({ readings: items })).toMatchObject({ status: 'stored' })
    expect(await readings()).toMatchObject([
      { readings: { temperature: 21, count: null }, flags: ['bad_item', 'bad_reading:count'] },
    ])
    const [row] = await messages()
    expect(row?.reason).toContain('readings[0] must be {"type": <name>, "value": <value>}')
  })

  test('refuses a list of nothing else', async () => {
    const { send } = await deviceWorld(Station)
    for (const payload of [{ readings: [null] }, { readings: [{ type: 'count' }], timestamp: NOW }])
      expect(await send(payload)).toMatchObject({ status: 'rejected', code: 'invalid_shape' })
  })

  test('costs little, however many there are', async () => {
    const { send, messages } = await deviceWorld(Station)
    const items = [...Array.from({ length: 300_000 }, () => ({})), { type: 'count', value: 1 }]
    expect(await send({ readings: items })).toMatchObject({ status: 'stored' })
    const [row] = await messages()
    expect(row?.flags).toBe('bad_item')
    expect(row?.reason?.length).toBeLessThan(400)
  })
})

describe('a status', () => {
  test('with a battery that is no number keeps the rest', async () => {
    const { send, device, messages } = await deviceWorld(Station)
    await send({ status: 'online', battery_level: 'n/a', firmware_version: '2.1' }, 'status')
    expect(await device()).toMatchObject({ status: 'online', batteryLevel: null, firmwareVersion: '2.1' })
    expect((await messages())[0]).toMatchObject({ status: 'processed', flags: 'bad_battery' })
  })
})

test('whatever comes is stored, or refused with a code and a printable reason: nothing is thrown', async () => {
  const { send, messages } = await deviceWorld(Station, { timeZone: 'America/New_York' })
  const time = fc.oneof(
    fc.constantFrom('2026-05-01T10:00:00', '20260501T100000', '1777629600', 12, 4e9, -1, 1e300, 'noon'),
    fc.double(),
    fc.jsonValue(),
  )
  const payload = fc.oneof(
    fc.record(
      {
        temperature: fc.oneof(fc.double(), fc.jsonValue()),
        count: fc.oneof(fc.integer(), fc.jsonValue()),
        readings: fc.oneof(
          fc.array(fc.oneof(fc.jsonValue(), fc.record({ type: fc.string(), value: fc.jsonValue() }))),
          fc.jsonValue(),
        ),
        timestamp: time,
        id: fc.oneof(fc.integer(), fc.string(), fc.jsonValue()),
      },
      { requiredKeys: [] },
    ),
    fc.jsonValue(),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(payload, fc.array(payload, { maxLength: 3 })),
      fc.constantFrom('data', 'status', 'state', 'response' as const),
      fc.boolean(),
      async (value, channel, retained) => {
        const outcome = await send(value, channel as 'data', { retained })
        expect(outcome?.status).toMatch(/^(stored|duplicate|rejected)$/)
        const [row] = await messages()
        if (row?.reason) expect(row.reason).toMatch(/^[\x20-\x7e±∞]+$/)
      },
    ),
    { numRuns: 500 },
  )
})
