import { describe, expect, test } from 'vitest'
import type { Codec } from '../model/codec/codec.js'
import { jsonCodec } from '../model/codec/json.js'
import { defineDeviceType } from '../model/device-type/define-device-type.js'
import { reading } from '../model/device-type/reading.js'
import { deviceWorld, NOW } from './testing/device-world.js'

const jsonWith = (
  name: string,
  read: (value: never, context: Parameters<Codec['decode']>[1]) => unknown,
): Codec => ({
  ...jsonCodec,
  name,
  decode: (payload, context) => read(jsonCodec.decode(payload, context) as never, context),
})

describe('Tasmota', () => {
  const tasmota = jsonWith('tasmota', ({ Time, AM2301 = {} }: { Time: string; AM2301?: object }) => ({
    Time,
    ...AM2301,
  }))
  const Plug = defineDeviceType('plug', {
    codec: tasmota,
    timestampField: 'Time',
    sampleId: false,
    timeZone: 'Europe/Berlin',
    readings: { Temperature: reading.float(), Humidity: reading.float() },
  })
  const sensor = (Time: string, Temperature: number | null) => ({
    Time,
    AM2301: { Temperature, Humidity: 48.2 },
  })

  test('sends local time without a zone: the type names the zone', async () => {
    const { send, readings } = await deviceWorld(Plug)
    await send(sensor('2026-05-01T11:59:50', 21.3))
    expect(await send(sensor('2026-05-01T11:59:50', 21.3))).toEqual({ status: 'duplicate' })
    expect(await readings()).toMatchObject([
      { measuredAt: new Date('2026-05-01T09:59:50Z'), readings: { Temperature: 21.3 }, flags: [] },
    ])
  })

  test('shows the same hour twice when clocks are set back: what comes live is of now', async () => {
    const { send, readings, clock } = await deviceWorld(Plug, {
      earliestTime: new Date('2020-01-01'),
    })
    const start = Date.parse('2026-10-24T23:30:00Z')
    const berlin = new Intl.DateTimeFormat('sv-SE', {
      timeZone: 'Europe/Berlin',
      dateStyle: 'short',
      timeStyle: 'medium',
    })
    const outcomes: unknown[] = []
    // Each five minutes for three hours, and each twice.
    for (let minute = 0; minute < 180; minute += 5) {
      clock.time = start + minute * 60_000 + 500
      const payload = sensor(berlin.format(clock.time).replace(' ', 'T'), 21.3)
      outcomes.push((await send(payload))?.status, (await send(payload))?.status)
    }
    expect(outcomes).toEqual(Array(36).fill(['stored', 'duplicate']).flat())
    expect((await readings()).map(({ measuredAt }) => measuredAt.getTime())).toEqual(
      Array.from({ length: 36 }, (_, index) => start + index * 300_000),
    )
  })

  test('sends 1970 before its clock is set: now is when it came', async () => {
    const { send, readings } = await deviceWorld(Plug)
    await send(sensor('1970-01-01T00:00:32', 21.3))
    expect(await readings()).toMatchObject([{ measuredAt: new Date(NOW), flags: ['impossible_time'] }])
  })

  test('sends null for a broken probe: the others count', async () => {
    const { send, readings } = await deviceWorld(Plug)
    await send(sensor('2026-05-01T11:59:50', null))
    expect(await readings()).toMatchObject([{ readings: { Temperature: null, Humidity: 48.2 }, flags: [] }])
  })
})

describe('zigbee2mqtt', () => {
  test('times a partial payload by last_seen, in milliseconds', async () => {
    const Climate = defineDeviceType('climate', {
      timestampField: 'last_seen',
      readings: { temperature: reading.float(), battery: reading.integer() },
    })
    const { send, readings } = await deviceWorld(Climate)
    await send({ temperature: 20.1, linkquality: 92, last_seen: NOW - 1000, state: 'ON' })
    await send({ battery: 100, last_seen: new Date(NOW).toISOString() })
    expect((await readings()).map(({ measuredAt, flags }) => [measuredAt.getTime(), flags])).toEqual([
      [NOW - 1000, []],
      [NOW, []],
    ])
  })
})

describe('Shelly', () => {
  test('sends seconds with fractions, and the number of a component as `id`', async () => {
    const shelly = jsonWith('shelly', ({ params }: { params: { ts: number; 'switch:0': object } }) => ({
      ts: params.ts,
      ...params['switch:0'],
    }))
    const Switch = defineDeviceType('switch', {
      codec: shelly,
      timestampField: 'ts',
      sampleId: false,
      readings: { output: reading.boolean(), apower: reading.float() },
    })
    const { send, readings } = await deviceWorld(Switch)
    const notify = (ts: number, apower: number) => ({
      src: 'shellyplus1-a8032ab12345',
      method: 'NotifyStatus',
      params: { ts, 'switch:0': { id: 0, output: true, apower, aenergy: { total: 1.5 } } },
    })
    await send(notify(NOW / 1000 - 1.5, 10.5))
    await send(notify(NOW / 1000 - 0.88, 10.5))
    await send(notify(NOW / 1000 - 0.88, 11))
    expect((await readings()).map(({ measuredAt }) => measuredAt.getTime() - NOW)).toEqual([
      -1500, -880, -880,
    ])
  })
})

describe('OpenMQTTGateway and rtl_433', () => {
  test('send the sensor’s own name as `id`: the type says that there is none', async () => {
    const Tag = defineDeviceType('tag', {
      sampleId: false,
      readings: { tempc: reading.float(), hum: reading.float() },
    })
    const { send, readings } = await deviceWorld(Tag)
    const payload = { id: 'A4:C1:38:00:00:01', tempc: 20, hum: 40 }
    await send(payload)
    await send(payload)
    expect(await readings()).toMatchObject([{ sampleId: null }, { sampleId: null }])
  })

  test('with a space in the time, and a constant `id`: the type names the field of the time', async () => {
    const Thermometer = defineDeviceType('thermometer', {
      timestampField: 'time',
      sampleId: false,
      unknownField: 'reject',
      readings: { model: reading.string(), temperature_C: reading.float() },
    })
    const { send, readings } = await deviceWorld(Thermometer)
    const event = (time: string) => ({ time, model: 'X', id: 209, temperature_C: 4.1 })
    await send(event('2026-05-01 09:59:00'))
    await send(event('2026-05-01 09:59:30'))
    expect((await readings()).map(({ measuredAt }) => measuredAt.toISOString())).toEqual([
      '2026-05-01T09:59:00.000Z',
      '2026-05-01T09:59:30.000Z',
    ])
  })
})

describe('The Things Network', () => {
  test('sends nanoseconds and counts its frames', async () => {
    interface Uplink {
      received_at: string
      uplink_message: { session_key_id: string; f_cnt: number; decoded_payload: object }
    }
    const ttn = jsonWith('ttn', ({ received_at, uplink_message: up }: Uplink) => ({
      received_at,
      frame: `${up.session_key_id}/${up.f_cnt}`,
      ...up.decoded_payload,
    }))
    const Node = defineDeviceType('node', {
      codec: ttn,
      timestampField: 'received_at',
      sampleId: 'frame',
      readings: { level: reading.float() },
    })
    const { send, readings } = await deviceWorld(Node)
    const up = (f_cnt: number, level: number) => ({
      end_device_ids: { device_id: 'd1' },
      received_at: '2026-05-01T09:59:59.123456789Z',
      uplink_message: { session_key_id: 'AXBp', f_cnt, decoded_payload: { level } },
    })
    await send(up(7, 1.5))
    expect(await send(up(7, 1.5))).toEqual({ status: 'duplicate' })
    await send(up(8, 1.5))
    expect(await readings()).toMatchObject([
      { measuredAt: new Date('2026-05-01T09:59:59.123Z'), sampleId: 'AXBp/7' },
      { sampleId: 'AXBp/8' },
    ])
  })
})

describe('SenML', () => {
  const seen: unknown[] = []
  interface Entry {
    bn?: string
    bt?: number
    n: string
    v: number
    t?: number
  }
  /** Times below 2^28 are relative to now (RFC 8428, section 4.5.3): to when it came, not to when it is read. */
  const senml = jsonWith('senml', (pack: Entry[], context) => {
    seen.push(context)
    const base = pack[0]?.bt ?? 0
    return pack.map(({ n, v, t = 0 }) => {
      const time = base + t
      const now = context.receivedAt.getTime() / 1000
      return { [n]: v, timestamp: time < 2 ** 28 ? now + time : time }
    })
  })
  const Node = defineDeviceType('node', { codec: senml, readings: { temp: reading.float() } })
  const pack = [
    { bn: 'urn:dev:', n: 'temp', u: 'Cel', v: 21.5, t: -60 },
    { n: 'temp', v: 21.6 },
  ]

  test('has relative times, which a codec reads from when the message came in', async () => {
    const { send, readings } = await deviceWorld(Node)
    expect(await send(pack)).toMatchObject({ status: 'stored', samples: 2 })
    expect(seen.at(-1)).toEqual({
      channel: 'data',
      topic: 'things/node/d1/data',
      deviceId: 'd1',
      receivedAt: new Date(NOW),
      contentType: undefined,
    })
    expect((await readings()).map(({ measuredAt }) => measuredAt.getTime() - NOW)).toEqual([-60_000, 0])
  })

  test('by the codec of the guide, which leaves the other channels alone', async () => {
    const ofTheGuide: Codec = {
      ...jsonCodec,
      name: 'senml',
      decode(payload, context) {
        const value = jsonCodec.decode(payload, context)
        if (!Array.isArray(value)) return value
        const pack: { n: string; v: number; t?: number }[] = value
        return pack.map(({ n, v, t = 0 }) => ({ [n]: v, timestamp: context.receivedAt.getTime() + t * 1000 }))
      },
    }
    const Guided = defineDeviceType('guided', { extends: Node, codec: ofTheGuide })
    const { send, readings, device } = await deviceWorld(Guided)
    await send(pack)
    expect((await readings()).map(({ measuredAt }) => measuredAt.getTime() - NOW)).toEqual([-60_000, 0])
    expect(await send({ status: 'maintenance' }, 'status')).toMatchObject({ status: 'stored' })
    expect((await device())?.status).toBe('maintenance')
    expect(await send({ reported: {} }, 'state')).toMatchObject({ status: 'stored' })
  })

  test('keeps its times in a replay and for a durable consumer, long after', async () => {
    const { hub, clock, send, readings, messages } = await deviceWorld(Node)
    await hub.devices.deactivate(Node, 'd1')
    await send(pack)
    await hub.devices.activate(Node, 'd1')
    clock.time += 86_400_000
    const id = (await messages())[0]?.id ?? ''
    expect(await hub.messages.replay({ typeKey: 'node', id })).toMatchObject({ status: 'stored', samples: 2 })
    expect((await readings()).map(({ measuredAt }) => measuredAt.getTime() - NOW)).toEqual([-60_000, 0])
    const times: number[] = []
    hub.consume(
      'billing',
      { types: [Node], channels: ['data'], from: 'beginning' },
      ({ messages: batch }) => {
        for (const { samples } of batch)
          for (const { measuredAt } of samples) times.push(measuredAt.getTime() - NOW)
      },
    )
    await expect.poll(() => times, { timeout: 10_000 }).toEqual([-60_000, 0])
    await hub.close()
  })
})
