import { expect, test } from 'vitest'
import { defineDeviceType } from '../model/device-type/define-device-type.js'
import { reading } from '../model/device-type/reading.js'
import { createDeviceHub } from './create-device-hub.js'

const Meter = defineDeviceType('meter', {
  readings: { total: reading.integer(), calibrated_at: reading.datetime(), label: reading.string() },
})

test('an aggregate of a datetime is a Date where it is one of the values, and a sum of them is refused', async () => {
  await using hub = createDeviceHub({ types: [Meter] })
  await hub.devices.create(Meter, { deviceId: 'd1' })
  for (const [total, calibrated_at] of [
    [1, '2026-01-02T00:00:00Z'],
    [5, '2026-01-01T00:00:00Z'],
  ])
    await hub.ingest([
      {
        topic: 'things/meter/d1/data',
        payload: Buffer.from(JSON.stringify({ total, calibrated_at })),
        source: 'test',
      },
    ])
  const of = async (field: 'total' | 'calibrated_at' | 'label', fn: 'min' | 'max' | 'sum' | 'count') =>
    (await hub.readings.aggregate(Meter, { field, fn }))[0]?.result

  expect(await of('calibrated_at', 'min')).toEqual(new Date('2026-01-01T00:00:00Z'))
  expect(await of('calibrated_at', 'max')).toEqual(new Date('2026-01-02T00:00:00Z'))
  expect(await of('calibrated_at', 'count')).toBe(2)
  expect([await of('total', 'min'), await of('total', 'max'), await of('total', 'sum')]).toEqual([1, 5, 6])
  await expect(of('calibrated_at', 'sum')).rejects.toMatchObject({ code: 'invalid_query' })
  await expect(of('label', 'max')).rejects.toMatchObject({ code: 'invalid_query' })
})
