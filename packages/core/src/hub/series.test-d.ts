import { expectTypeOf, test } from 'vitest'
import { type DeviceHub, defineDeviceType, reading } from '../index.js'

const Station = defineDeviceType('station', {
  readings: {
    temperature: reading.float(),
    note: reading.string(),
    calibrated_at: reading.datetime(),
  },
})
declare const hub: DeviceHub
const range = { devices: 'a', from: new Date(), to: new Date() } as const

test('figures have the types of their readings', async () => {
  const { series } = await hub.readings.series(Station, {
    ...range,
    fields: ['temperature', 'note'],
    fn: ['last', 'count'],
  })
  type Values = NonNullable<NonNullable<(typeof series)[0]>['buckets'][0]>['values']
  expectTypeOf<Values['temperature']['last']>().toEqualTypeOf<number | null>()
  expectTypeOf<Values['note']['last']>().toEqualTypeOf<string | null>()
  expectTypeOf<Values['note']['count']>().toEqualTypeOf<number>()
  expectTypeOf<keyof Values>().toEqualTypeOf<'temperature' | 'note'>()
})

test('each reading may have functions of its own', async () => {
  const { series } = await hub.readings.series(Station, {
    ...range,
    fields: { temperature: ['avg', 'max'], calibrated_at: 'max' },
  })
  type Values = NonNullable<NonNullable<(typeof series)[0]>['buckets'][0]>['values']
  expectTypeOf<Values['temperature']>().toEqualTypeOf<{
    readonly avg: number | null
    readonly max: number | null
  }>()
  expectTypeOf<Values['calibrated_at']>().toEqualTypeOf<{ readonly max: Date | null }>()
})

test('a shape, and what is misspelt', async () => {
  const { series } = await hub.readings.series(Station, {
    ...range,
    fields: 'temperature',
    fn: 'shape',
    points: 8,
  })
  expectTypeOf<keyof NonNullable<(typeof series)[0]>['points']>().toEqualTypeOf<'temperature'>()
  // @ts-expect-error no such reading
  hub.readings.series(Station, { ...range, fields: 'humidity', fn: 'avg' })
  // @ts-expect-error no such function
  hub.readings.series(Station, { ...range, fields: 'temperature', fn: 'median' })
  // @ts-expect-error no such option
  hub.readings.series(Station, { ...range, fields: 'temperature', fn: 'avg', intervall: 'day' })
})

test('a list of some readings has these alone', async () => {
  const { items } = await hub.readings.list(Station, { fields: ['note'] })
  expectTypeOf<keyof NonNullable<(typeof items)[0]>['readings']>().toEqualTypeOf<'note'>()
  const all = await hub.readings.list(Station)
  expectTypeOf<NonNullable<(typeof all.items)[0]>['readings']['temperature']>().toEqualTypeOf<number | null>()
})
