import { expect, test } from 'vitest'
import { createDeviceHub } from '../hub/create-device-hub.js'
import { defineDeviceType } from '../model/device-type/define-device-type.js'
import { reading } from '../model/device-type/reading.js'

const NOON = Date.parse('2026-05-01T12:00:00Z')
const YEAR_2106 = 4_294_967_295

const readings = { temperature: reading.float(), humidity: reading.float() }
const TYPES = [
  defineDeviceType('kept', { readings }),
  defineDeviceType('searched', { readings, lastValues: false }),
]

test.each(TYPES)(
  'invariant 4: last values of $name go by times that can be true, reading by reading',
  async (type) => {
    let now = NOON
    await using hub = createDeviceHub({ types: [type], clock: { now: () => now } })
    await hub.devices.create(type, { deviceId: 'd1' })
    const send = async (sample: object, retained = false) => {
      const topic = `things/${type.key}/d1/data`
      const payload = Buffer.from(JSON.stringify(sample))
      await hub.ingest([{ topic, payload, retained, source: 'test' }])
      const latest = await hub.readings.latest(type, 'd1')
      const { temperature, humidity } = latest?.readings ?? {}
      const short = (last: typeof temperature) =>
        last && [last.value, last.measuredAt && +last.measuredAt - NOON]
      return { temperature: short(temperature), humidity: short(humidity) }
    }

    // Nobody knows of when it is: anything that comes in live is newer.
    expect(await send({ temperature: 20, humidity: 39 }, true)).toEqual({
      temperature: [20, null],
      humidity: [39, null],
    })
    // Clocks that were never set: known by when it came in.
    expect(await send({ temperature: 18, timestamp: 12 })).toMatchObject({
      temperature: [18, 0],
      humidity: [39, null],
    })
    now += 1_000
    expect(await send({ temperature: 19, timestamp: YEAR_2106 })).toMatchObject({ temperature: [19, 1_000] })
    now += 1_000
    expect(await send({ temperature: 22, humidity: 40, timestamp: now })).toMatchObject({
      temperature: [22, 2_000],
    })
    const last = { temperature: [22, 2_000], humidity: [40, 2_000] }
    now += 60_000
    expect(await send({ temperature: 21 }, true)).toMatchObject(last)
    expect(await send({ temperature: 21, timestamp: YEAR_2106 }, true)).toMatchObject(last)
    expect(await send({ humidity: 41, timestamp: NOON - 60_000 }, true)).toMatchObject(last)
    expect(await send({ humidity: 41, timestamp: NOON - 30_000 })).toMatchObject(last)
    // A retained sample that says when it was measured, and can be right, is as good as another.
    expect(await send({ humidity: 42, timestamp: now }, true)).toMatchObject({
      ...last,
      humidity: [42, 62_000],
    })
    expect(await send({ temperature: 23, timestamp: now + 1_000 })).toMatchObject({
      temperature: [23, 63_000],
      humidity: [42, 62_000],
    })
    const { items } = await hub.readings.list(type, { deviceId: 'd1' })
    expect(items.map(({ flags }) => flags.join(' ')).sort()).toEqual([
      ...['', '', ''],
      ...['impossible_time', 'impossible_time', 'impossible_time retained'],
      ...['retained', 'retained', 'retained', 'retained'],
    ])
    expect((await hub.readings.latestSample(type, 'd1'))?.readings).toEqual({
      temperature: 23,
      humidity: null,
    })
  },
)
