import { describe, expect, test } from 'vitest'
import { jsonCodec } from '../model/codec/json.js'
import { defineDeviceType } from '../model/device-type/define-device-type.js'
import { reading } from '../model/device-type/reading.js'
import { state } from '../model/device-type/state.js'
import { deviceWorld, NOW } from './testing/device-world.js'

const Station = defineDeviceType('station', {
  readings: { temperature: reading.float(), count: reading.integer() },
  state: { mode: state.string() },
})
const MINUTE = 60_000

describe('a time that cannot be true', () => {
  test('of a clock that starts at boot: the received time stands in, and equal measurements of later boots are kept', async () => {
    const { clock, send, readings } = await deviceWorld(Station)
    await send({ temperature: 21, timestamp: 12 })
    clock.time += MINUTE
    await send({ temperature: 21, timestamp: 12 })
    expect(await readings()).toMatchObject([
      { measuredAt: new Date(NOW), flags: ['impossible_time'] },
      { measuredAt: new Date(NOW + MINUTE), flags: ['impossible_time'] },
    ])
  })

  test('of the year 2106 is not the latest for ever', async () => {
    const { hub, clock, send } = await deviceWorld(Station)
    await send({ temperature: 1, timestamp: 4_294_967_295 })
    clock.time += MINUTE
    await send({ temperature: 2, timestamp: NOW + MINUTE })
    expect((await hub.readings.latest(Station, 'd1'))?.readings.temperature?.value).toBe(2)
  })

  test.each([
    [
      'before',
      [{ timestamp: 10 }, { timestamp: 20 }, { timestamp: NOW - MINUTE }, { timestamp: NOW - 1000 }],
    ],
    [
      'behind',
      [{ timestamp: NOW - 1000 }, { timestamp: NOW - MINUTE }, { timestamp: 10 }, { timestamp: 20 }],
    ],
    ['around', [{ timestamp: 4e9 }, { timestamp: NOW - 1000 }, { timestamp: 10, count: 7 }]],
  ])('is never the latest %s credible ones of the same message', async (_, times) => {
    const { hub, send, readings, messages } = await deviceWorld(Station)
    await send({ temperature: 0, timestamp: NOW - 10 * MINUTE })
    await send(times.map(({ ...head }) => ({ temperature: head.timestamp === NOW - 1000 ? 1 : 99, ...head })))
    const { readings: latest } = (await hub.readings.latest(Station, 'd1')) ?? {}
    expect(latest?.temperature).toEqual({ value: 1, measuredAt: new Date(NOW - 1000) })
    expect((await hub.readings.latestSample(Station, 'd1'))?.readings.temperature).toBe(1)
    // What nothing else tells is known all the same.
    if (times.length === 3) expect(latest?.count).toEqual({ value: 7, measuredAt: new Date(NOW - 1001) })
    // They are stored as they are alone, and the message says so.
    const impossible = (await readings()).filter(({ flags }) => flags.includes('impossible_time'))
    expect(impossible.map(({ measuredAt }) => measuredAt)).toEqual([new Date(NOW), new Date(NOW)])
    expect((await messages())[0]?.flags).toBe('impossible_time')
  })

  test('is the latest where a message holds nothing else', async () => {
    const { hub, send } = await deviceWorld(Station)
    await send({ temperature: 0, timestamp: NOW - MINUTE })
    await send([
      { temperature: 1, timestamp: 10 },
      { temperature: 2, timestamp: 20 },
    ])
    const { readings: latest } = (await hub.readings.latest(Station, 'd1')) ?? {}
    expect(latest?.temperature).toEqual({ value: 2, measuredAt: new Date(NOW) })
  })

  test('is stored as sent where the type says so, and orders nothing', async () => {
    const Trusting = defineDeviceType('trusting', { extends: Station, impossibleTime: 'flag' })
    const { send, readings } = await deviceWorld(Trusting)
    await send({ temperature: 1, timestamp: 12 })
    await send({ temperature: 1, timestamp: 12 })
    // Nothing tells the second from the first: never dropped.
    expect(await readings()).toMatchObject([
      { measuredAt: new Date(12_000), flags: ['impossible_time'] },
      { measuredAt: new Date(12_000), flags: ['impossible_time'] },
    ])
  })

  test('is refused where the type says so, with what it claimed', async () => {
    const { send, readings } = await deviceWorld(Station, { impossibleTime: 'reject' })
    expect(await send({ temperature: 1, timestamp: 12 })).toMatchObject({
      status: 'rejected',
      code: 'impossible_time',
      reason: expect.stringContaining('1970-01-01T00:00:12.000Z') as string,
    })
    expect(await readings()).toEqual([])
  })

  test('begins before the earliest time that the type or the hub names', async () => {
    const { send, readings } = await deviceWorld(Station, { earliestTime: new Date('2026-01-01T00:00:00Z') })
    await send({ temperature: 1, timestamp: '2025-12-31T23:59:59Z' })
    await send({ temperature: 2, timestamp: '2026-01-01T00:00:00Z' })
    expect((await readings()).map(({ flags }) => flags)).toEqual([['clock_skew'], ['impossible_time']])
  })

  test('with an id: sent again it is one sample, and after another boot it is two', async () => {
    const { send, readings } = await deviceWorld(Station)
    await send({ temperature: 21, timestamp: 12, id: 1 })
    expect(await send({ temperature: 21, timestamp: 12, id: 1 })).toEqual({ status: 'duplicate' })
    expect(await readings()).toHaveLength(1)
  })

  test('is marked when the broker sends it again: it may be one too many', async () => {
    const { send, readings } = await deviceWorld(Station)
    await send({ temperature: 21, timestamp: 12 }, 'data', { redelivered: true })
    expect((await readings())[0]?.flags).toEqual(['impossible_time', 'redelivered'])
  })
})

describe('a time that cannot be read', () => {
  test('of a single sample counts as now', async () => {
    const { send, readings } = await deviceWorld(Station)
    await send({ temperature: 1, timestamp: 'five past ten' })
    expect(await readings()).toMatchObject([{ measuredAt: new Date(NOW), flags: ['bad_timestamp'] }])
  })

  test('of a backfill is never stored at the wrong instant: the sample is refused and can be replayed', async () => {
    const { hub, send, readings, messages } = await deviceWorld(Station)
    const rows = [
      { temperature: 1, timestamp: '01.05.2026 09:00' },
      { temperature: 2, timestamp: '01.05.2026 09:05' },
    ]
    expect(await send(rows)).toMatchObject({ status: 'rejected', code: 'bad_timestamp' })
    expect(await readings()).toEqual([])
    const [row] = await messages()
    expect(row).toMatchObject({ payloadJson: JSON.stringify(rows), code: 'bad_timestamp' })
    expect(await hub.messages.replay({ typeKey: 'station', id: row?.id ?? '' })).toMatchObject({
      status: 'rejected',
    })
  })

  test('of some samples of a backfill: the others are stored, the audit row says how many are not', async () => {
    const { send, readings, messages } = await deviceWorld(Station)
    const outcome = await send([
      { temperature: 1, timestamp: NOW - MINUTE },
      { temperature: 2, timestamp: 'noon' },
    ])
    expect(outcome).toMatchObject({ status: 'stored', samples: 1 })
    expect(await readings()).toHaveLength(1)
    const [row] = await messages()
    expect(row).toMatchObject({ code: 'partially_rejected', flags: 'partial' })
    expect(row?.reason).toContain('1 of 2 samples were refused: [1] the time of the sample cannot be read')
  })

  test('of some samples of a backfill: a replay, once they can be read, stores those and none twice', async () => {
    const words: Record<string, number> = {}
    const Talking = defineDeviceType('talking', {
      extends: Station,
      codec: {
        ...jsonCodec,
        decode: (payload, context) =>
          (jsonCodec.decode(payload, context) as { timestamp: string }[]).map((sample) => ({
            ...sample,
            timestamp: words[sample.timestamp] ?? sample.timestamp,
          })),
      },
    })
    const { hub, send, readings, messages } = await deviceWorld(Talking)
    await send([
      { temperature: 1, timestamp: NOW - MINUTE },
      { temperature: 2, timestamp: 'noon' },
      { count: 3 },
    ])
    words.noon = NOW
    const ref = { typeKey: 'talking', id: (await messages())[0]?.id ?? '' }
    expect(await hub.messages.replay(ref)).toEqual({ status: 'stored', samples: 1, duplicates: 1 })
    expect(
      (await readings()).map(({ readings: { temperature, count } }) => temperature ?? count).sort(),
    ).toEqual([1, 2, 3])
    const [row] = await messages()
    expect(row).toMatchObject({ code: 'partially_rejected', flags: 'partial' })
    expect(row?.reason).toContain('nothing tells whether it was stored')
    await expect(hub.messages.replay(ref)).rejects.toMatchObject({ code: 'not_replayable' })
  })
})

describe('a device whose clock is wrong', () => {
  test('15 minutes slow: its data brings it back at once', async () => {
    const { clock, send, device } = await deviceWorld(Station)
    await send({ temperature: 1, timestamp: NOW - 15 * MINUTE })
    await send({ status: 'offline' }, 'status')
    expect((await device())?.status).toBe('offline')
    clock.time += 1000
    await send({ temperature: 2, timestamp: NOW - 15 * MINUTE + 1000 })
    expect((await device())?.status).toBe('online')
  })

  test('15 minutes slow: its status brings it back at once', async () => {
    const { clock, send, device } = await deviceWorld(Station)
    await send({ status: 'online', timestamp: NOW - 15 * MINUTE }, 'status')
    await send({ status: 'offline' }, 'status')
    clock.time += 1000
    const report = { status: 'online', firmware_version: '2.0', timestamp: NOW - 15 * MINUTE + 1000 }
    await send(report, 'status')
    expect(await device()).toMatchObject({ status: 'online', firmwareVersion: '2.0' })
  })

  test('that boots with a clock of years ago, with no word of the will: its status counts', async () => {
    const { clock, send, device } = await deviceWorld(Station)
    await send({ status: 'online', timestamp: NOW }, 'status')
    clock.time += MINUTE
    await send({ status: 'error', timestamp: '2024-01-01T00:00:05Z' }, 'status')
    expect((await device())?.status).toBe('error')
  })

  test.each([
    ['within what is expected', { past: 7 * 86_400, future: 3_600 }],
    ['beyond what is expected', { past: 7 * 86_400, future: 600 }],
  ])('15 minutes fast, %s: its will and its later reports count', async (_, clockSkew) => {
    const { clock, send, device } = await deviceWorld(Station, { clockSkew })
    await send({ status: 'online', timestamp: NOW + 15 * MINUTE }, 'status')
    expect((await device())?.status).toBe('online')
    clock.time += 1000
    await send({ status: 'offline' }, 'status')
    expect((await device())?.status).toBe('offline')
    // It asked for the time meanwhile.
    clock.time += 1000
    await send({ status: 'maintenance', timestamp: NOW + 2000 }, 'status')
    expect((await device())?.status).toBe('maintenance')
  })

  test('fast, and set right: its next report counts', async () => {
    const { clock, send, device } = await deviceWorld(Station)
    await send({ status: 'online', timestamp: NOW + 5 * MINUTE }, 'status')
    clock.time += 1000
    await send({ status: 'maintenance', timestamp: NOW + 1000 }, 'status')
    expect((await device())?.status).toBe('maintenance')
  })

  test('fast: what it reports late stays old', async () => {
    const { clock, send, device } = await deviceWorld(Station)
    await send({ status: 'error', timestamp: NOW + 5 * MINUTE }, 'status')
    clock.time += 1000
    await send({ status: 'maintenance', timestamp: NOW + 5 * MINUTE - 1 }, 'status')
    expect((await device())?.status).toBe('error')
  })

  test('that was right, is gone by its will, and comes back slow: its reports count', async () => {
    const { clock, send, device } = await deviceWorld(Station)
    await send({ status: 'online', timestamp: NOW }, 'status')
    await send({ status: 'offline' }, 'status')
    clock.time += MINUTE
    await send({ status: 'online', timestamp: NOW - 15 * MINUTE }, 'status')
    expect((await device())?.status).toBe('online')
  })

  test('reports what it said before: old news changes nothing, by its own clock alone', async () => {
    const { clock, send, device } = await deviceWorld(Station)
    const slow = (ms: number) => NOW - 15 * MINUTE + ms
    await send({ status: 'error', battery_level: 40, timestamp: slow(2000) }, 'status')
    clock.time += MINUTE
    await send({ status: 'online', battery_level: 90, timestamp: slow(1000) }, 'status')
    expect(await device()).toMatchObject({
      status: 'error',
      batteryLevel: 40,
      lastSeen: new Date(NOW + MINUTE),
    })
    await send({ status: 'online', battery_level: 39, timestamp: slow(2001) }, 'status')
    expect(await device()).toMatchObject({ status: 'online', batteryLevel: 39 })
  })

  test('that comes from the broker’s memory by a replay changes nothing newer', async () => {
    const { clock, send, device } = await deviceWorld(Station)
    await send({ status: 'maintenance' }, 'status')
    await send({ status: 'online' }, 'status', { receivedAt: new Date(NOW - 1000) })
    expect((await device())?.status).toBe('maintenance')
    clock.time += 1000
    await send({ status: 'online' }, 'status')
    expect((await device())?.status).toBe('online')
  })

  test('reports its state with and without a time: the order of arrival counts where one has none', async () => {
    const { hub, clock, send } = await deviceWorld(Station)
    const mode = async () => (await hub.twin(Station).get('d1'))?.reported.mode
    await send({ reported: { mode: 'a' } }, 'state')
    clock.time += 1000
    await send({ reported: { mode: 'b' }, timestamp: NOW - 15 * MINUTE }, 'state')
    expect(await mode()).toBe('b')
    await send({ reported: { mode: 'c' }, timestamp: NOW - 16 * MINUTE }, 'state')
    expect(await mode()).toBe('b')
  })
})
