import { describe, expect, test } from 'vitest'
import { createDeviceHub } from '../hub/create-device-hub.js'
import { DEFAULT_POLICIES } from '../model/device-type/default-options.js'
import { defineDeviceType } from '../model/device-type/define-device-type.js'
import { reading } from '../model/device-type/reading.js'
import { state } from '../model/device-type/state.js'
import { jsonSchema } from '../model/schema/json-schema.js'
import { compileDataPlanner } from './plan-data.js'
import { deviceWorld, NOW } from './testing/device-world.js'

const Before = defineDeviceType('station', {
  readings: { temp: reading.float(), hum: reading.float() },
  state: { rate: state.integer() },
})
const Station = defineDeviceType('station', {
  unknownField: 'flag',
  readings: {
    temperature: reading.float({ renamedFrom: ['temp_c', 'temp'] }),
    humidity: reading.float({ renamedFrom: 'hum' }),
  },
  state: { interval: state.integer({ renamedFrom: 'rate' }) },
})

describe('a reading that was renamed', () => {
  test.each<[string, object]>([
    ['its name', { temperature: 21, humidity: 40 }],
    ['its former name', { temp_c: 21, hum: 40 }],
    ['the first of its former names', { temp: 21, hum: 40 }],
    [
      'a list, by its former name',
      {
        readings: [
          { type: 'temp', value: 21 },
          { type: 'hum', value: 40 },
        ],
      },
    ],
  ])('is taken under %s', async (_, payload) => {
    const { send, readings } = await deviceWorld(Station)
    await send(payload)
    expect(await readings()).toMatchObject([{ readings: { temperature: 21, humidity: 40 }, flags: [] }])
  })

  test('under both names: the new one counts, and it is flagged when they differ', async () => {
    const { send, readings } = await deviceWorld(Station)
    await send({ temperature: 21, temp: 21, timestamp: NOW - 1000 })
    await send({ temperature: 21, temp: 20, timestamp: NOW })
    expect((await readings()).map(({ readings: { temperature }, flags }) => [temperature, flags])).toEqual([
      [21, []],
      [21, ['two_names:temperature']],
    ])
  })

  test.each<[string, object]>([
    ['by its time', { timestamp: NOW }],
    ['by its time in microseconds', { timestamp: NOW * 1000 + 1 }],
    ['by its id', { id: 'a' }],
  ])('does not change who a sample is: sent again under the new name it is known %s', (_, head) => {
    const plan = (type: typeof Before | typeof Station, payload: object) => {
      const context = { deviceId: 'd1', receivedAt: NOW, redelivered: false, retained: false }
      const content = compileDataPlanner(type, { policies: DEFAULT_POLICIES, maxSamples: 10 })(
        payload,
        context,
      )
      if ('code' in content) throw new Error(content.reason)
      const [sample] = content.samples
      return [sample?.sampleId, sample?.timestamp, sample?.contentHash]
    }
    const before = plan(Before, { temp: 21, hum: 40, ...head })
    expect(plan(Station, { temperature: 21, humidity: 40, ...head })).toEqual(before)
    expect(plan(Station, { temp: 21, hum: 40, ...head })).toEqual(before)
    expect(plan(Station, { temperature: 22, humidity: 40, ...head })).not.toEqual(before)
  })

  test('is in the schemas under every name', () => {
    const { sample, state: reported } = jsonSchema(Station)
    expect(sample).toMatchObject({
      properties: {
        temp: { deprecated: true, description: 'Former name of temperature' },
        temp_c: {},
        hum: {},
      },
    })
    expect(reported).toMatchObject({
      properties: { reported: { properties: { rate: { deprecated: true } } } },
    })
  })

  test('is refused where names would mean two readings', () => {
    expect(() =>
      defineDeviceType('x', {
        readings: { a: reading.float({ renamedFrom: 'c' }), b: reading.float({ renamedFrom: ['C'] }) },
      }),
    ).toThrow(/"b" and "a" are both renamedFrom "C"/)
    expect(() => reading.float({ renamedFrom: [] })).toThrow(/renamedFrom/)
    expect(() => reading.float({ renamedFrom: ['a', 'A'] })).toThrow(/twice/)
  })
})

describe('a state field that was renamed', () => {
  test('is reported under its former name by older firmware', async () => {
    const { hub, send, messages } = await deviceWorld(Station)
    await send({ reported: { rate: 30 } }, 'state')
    expect((await hub.twin(Station).get('d1'))?.reported).toEqual({ interval: 30 })
    await send({ reported: { rate: 30, interval: 60 } }, 'state')
    expect((await hub.twin(Station).get('d1'))?.reported).toEqual({ interval: 60 })
    expect((await messages())[0]?.flags).toBe('two_names:interval')
  })
})

test('options that name fields of the payload are checked at the definition', () => {
  const define = (options: object) => () => defineDeviceType('x', options)
  expect(define({ sampleId: '' })).toThrow(/sampleId must be the name of a field/)
  expect(define({ sampleId: 'readings' })).toThrow(/sampleId/)
  expect(define({ timestampField: 5 })).toThrow(/timestampField/)
  expect(define({ timeZone: 'Mars' })).toThrow(/timeZone must be UTC, an offset/)
  expect(define({ earliestTime: new Date(Number.NaN) })).toThrow(/earliestTime must be a Date/)
  expect(define({ impossibleTime: 'drop' })).toThrow(/impossibleTime must be one of received, flag, reject/)
  expect(define({ badReading: 'drop' })).toThrow(/badReading must be one of flag, reject/)
  expect(define({ sampleId: 'seq', timestampField: false })).not.toThrow()
  expect(() => createDeviceHub({ types: [Station], timeZone: 'Mars' })).toThrow(
    expect.objectContaining({ code: 'invalid_options' }),
  )
})
