import { describe, expect, test } from 'vitest'
import { createDeviceHub } from '../hub/create-device-hub.js'
import type { DeviceHubOptions } from '../hub/device-hub-options.js'
import { defineDeviceType } from '../model/device-type/define-device-type.js'
import { reading } from '../model/device-type/reading.js'
import { silentLogger } from '../ports/logger.js'
import type { SignalSink } from '../ports/signals.js'
import type { InboundMessage } from '../ports/transport.js'

const Station = defineDeviceType('station', {
  readings: {
    temperature: reading.float({ range: [-40, 80] }),
    count: reading.integer(),
    label: reading.string({ maxLength: 20 }),
  },
})

const NOW = Date.parse('2026-03-01T12:00:00Z')

async function makeHub(options: Partial<DeviceHubOptions<SignalSink>> = {}) {
  const clock = { time: NOW, now: () => clock.time }
  const hub = createDeviceHub({ types: [Station], logger: silentLogger, clock, ...options })
  await hub.devices.create(Station, { deviceId: 's1' })
  const send = async (payload: unknown, more: Partial<InboundMessage> = {}) => {
    const bytes =
      payload instanceof Uint8Array
        ? payload
        : Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload))
    const [outcome] = await hub.ingest([
      { topic: 'things/station/s1/data', payload: bytes, source: 'test', qos: 1, ...more },
    ])
    return outcome
  }
  const readings = async () => (await hub.readings.list(Station, { order: 'asc' })).items
  const messages = async () => (await hub.messages.list(Station)).items
  const unrouted = async () => (await hub.messages.list(null)).items
  return { hub, clock, send, readings, messages, unrouted, device: () => hub.devices.get(Station, 's1') }
}

describe('what is no message', () => {
  test.each([
    [undefined, /^hub\.ingest: messages must be a list of messages .*, not undefined$/],
    [{ topic: 'a' }, /^hub\.ingest: messages must be a list of messages .*, not an object$/],
    [[17], /^hub\.ingest: messages\[0\]: a message must be .*, not a number$/],
    [
      [{ topic: 'things/station/s1/data', payload: { temperature: 1 }, source: 'test' }],
      /^hub\.ingest: messages\[0\]\.payload must be a Uint8Array; .*, not an object$/,
    ],
    [[{ topic: 'things/station/s1/data', source: 'test' }], /messages\[0\]\.payload .*, not undefined$/],
  ])('%j is refused, and leaves no row', async (given, message) => {
    const { hub, messages, unrouted } = await makeHub()
    await expect(hub.ingest(given as unknown as InboundMessage[])).rejects.toMatchObject({
      code: 'invalid_options',
      message: expect.stringMatching(message),
    })
    expect([...(await messages()), ...(await unrouted())]).toEqual([])
  })
})

describe('what a message becomes', () => {
  test('a flat sample is stored with its measured time, and its audit row keeps the text', async () => {
    const { send, readings, messages, hub } = await makeHub()
    expect(await send('{"temperature": 25.3,"timestamp":"2026-03-01T11:59:00Z"}')).toEqual({
      status: 'stored',
      samples: 1,
      duplicates: 0,
    })
    const [stored] = await readings()
    expect(stored).toMatchObject({
      deviceId: 's1',
      measuredAt: new Date('2026-03-01T11:59:00Z'),
      receivedAt: new Date(NOW),
      flags: [],
    })
    expect(stored?.readings).toEqual({ temperature: 25.3, count: null, label: null })
    expect(await messages()).toMatchObject([
      {
        status: 'processed',
        topic: 'things/station/s1/data',
        payloadJson: '{"temperature": 25.3,"timestamp":"2026-03-01T11:59:00Z"}',
        qos: 1,
        channel: 'data',
        direction: 'in',
      },
    ])
    await hub.close()
  })

  test('the list form and a backfill are stored', async () => {
    const { send, readings } = await makeHub()
    await send({ readings: [{ type: 'temperature', value: 1 }], timestamp: NOW - 3000 })
    expect(
      await send([
        { temperature: 2, timestamp: NOW - 2000 },
        { count: 3, timestamp: NOW - 1000 },
      ]),
    ).toEqual({ status: 'stored', samples: 2, duplicates: 0 })
    expect((await readings()).map(({ readings }) => readings.temperature ?? readings.count)).toEqual([
      1, 2, 3,
    ])
  })

  test('a backfill with a sample that does not fit stores the others and says so', async () => {
    const { send, readings, messages } = await makeHub()
    const outcome = await send([
      { temperature: 1, timestamp: 1_700_000_000 },
      { temperature: 'warm', timestamp: 1_700_000_000 },
      7,
      { temperature: 2, timestamp: 1_700_000_001 },
    ])
    expect(outcome).toMatchObject({ status: 'stored', samples: 2 })
    expect(await readings()).toHaveLength(2)
    const [message] = await messages()
    expect(message).toMatchObject({
      status: 'processed',
      code: 'partially_rejected',
      flags: 'clock_skew partial',
    })
    expect(message?.reason).toContain('2 of 4 samples were refused')
  })
})

describe('invariant 2: redelivery stores nothing twice', () => {
  test('invariant 2: a sample is known by its id', async () => {
    const { send, readings, messages } = await makeHub()
    await send({ temperature: 1, id: 'a' })
    expect(await send({ temperature: 1, id: 'a' })).toEqual({ status: 'duplicate' })
    expect(await readings()).toHaveLength(1)
    expect((await messages()).map(({ status }) => status)).toEqual(['duplicate', 'processed'])
  })

  test('invariant 2: without an id, by measured time and content', async () => {
    const { send, readings } = await makeHub()
    await send({ temperature: 1, timestamp: NOW })
    expect(await send('{ "timestamp": 1772366400, "temperature": 1.0 }')).toEqual({ status: 'duplicate' })
    expect(await send({ temperature: 2, timestamp: NOW })).toMatchObject({ status: 'stored' })
    expect(await send({ count: 1, timestamp: NOW })).toMatchObject({ status: 'stored' })
    expect(await readings()).toHaveLength(3)
  })

  test('invariant 2: with neither id nor time it is stored again, and flagged if the broker says it was sent before', async () => {
    const { send, readings } = await makeHub()
    await send({ temperature: 1 })
    await send({ temperature: 1 })
    await send({ temperature: 1 }, { redelivered: true })
    expect((await readings()).map(({ flags }) => flags)).toEqual([[], [], ['redelivered']])
  })

  test('invariant 2: a backfill that overlaps one before stores what is new', async () => {
    const { send, readings } = await makeHub()
    const at = (n: number) => ({ temperature: n, timestamp: NOW - 10_000 + n })
    await send([at(1), at(2)])
    expect(await send([at(1), at(2), at(3)])).toEqual({ status: 'stored', samples: 1, duplicates: 2 })
    expect(await readings()).toHaveLength(3)
  })

  test('invariant 2: the same message twice in one batch', async () => {
    const { hub, readings } = await makeHub()
    const message = {
      topic: 'things/station/s1/data',
      payload: Buffer.from('{"temperature":1,"id":"x"}'),
      source: 'test',
    }
    expect((await hub.ingest([message, message])).map(({ status }) => status)).toEqual([
      'stored',
      'duplicate',
    ])
    expect(await readings()).toHaveLength(1)
  })
})

describe('invariant 3: every message leaves an audit row', () => {
  test.each<[string, string | Uint8Array, string]>([
    ['broken JSON', '{"temperature":', 'invalid_json'],
    ['NaN', '{"temperature":NaN}', 'invalid_type'],
    ['a number beyond the doubles', '{"temperature":1e999}', 'invalid_type'],
    ['a wrong type', '{"temperature":"25"}', 'invalid_type'],
    ['a float for an integer', '{"count":1.5}', 'invalid_type'],
    ['an integer beyond 2^53', '{"count":9007199254740993}', 'invalid_type'],
    ['text with NUL', '{"label":"a\\u0000b"}', 'invalid_type'],
    ['text with half a surrogate', '{"label":"\\ud800"}', 'invalid_type'],
    ['text too long', `{"label":"${'x'.repeat(21)}"}`, 'invalid_type'],
    ['no bytes', '', 'empty_payload'],
    ['bytes that are no text', Buffer.from([0xff, 0x00, 0xfe]), 'invalid_json'],
    ['a lone NUL', Buffer.from([0]), 'invalid_json'],
    ['a bare number', '5', 'invalid_shape'],
    ['null', 'null', 'invalid_shape'],
    ['no reading', '{}', 'no_readings'],
    ['an unknown reading only', '{"pressure":5}', 'no_readings'],
    ['a prototype key', '{"__proto__":{"temperature":1}}', 'no_readings'],
    ['a constructor key', '{"constructor":1,"toString":2}', 'no_readings'],
    ['an empty backfill', '[]', 'no_samples'],
    [
      'a backfill too long',
      JSON.stringify(Array.from({ length: 10_001 }, () => ({ temperature: 1 }))),
      'too_many_samples',
    ],
    ['deep nesting', `${'['.repeat(20_000)}${']'.repeat(20_000)}`, 'invalid_json'],
    ['1 MB of letters', 'x'.repeat(1 << 20), 'invalid_json'],
    ['more than the hub takes', 'x'.repeat((1 << 20) + 1), 'payload_too_large'],
  ])('invariant 3: %s is rejected as such, and the next message is stored', async (_, payload, code) => {
    const { hub, send, messages, readings } = await makeHub()
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload
    const topic = 'things/station/s1/data'
    const outcomes = await hub.ingest([
      { topic, payload: bytes, source: 'test' },
      { topic, payload: Buffer.from('{"temperature":1}'), source: 'test' },
    ])
    expect(outcomes).toMatchObject([{ status: 'rejected', code }, { status: 'stored' }])
    const rejected = (await messages()).find(({ status }) => status === 'rejected')
    expect(rejected).toMatchObject({ code, deviceId: 's1' })
    expect(rejected?.reason).toMatch(/^[\x20-\x7e±∞]+$/)
    if (code !== 'payload_too_large' && bytes.length > 0) {
      const kept =
        rejected?.payloadJson === null
          ? Buffer.from(rejected.payloadRaw ?? [])
          : Buffer.from(rejected?.payloadJson ?? '')
      expect(kept.equals(bytes)).toBe(true)
    }
    expect(await readings()).toHaveLength(1)
    expect(Object.hasOwn(Object.prototype, 'temperature')).toBe(false)
    expect(await send({ temperature: 2 })).toMatchObject({ status: 'stored' })
  })

  test.each<[string, string, string]>([
    ['another topic', 'office/light', 'unknown_topic'],
    ['an unknown type', 'things/submarine/s1/data', 'unknown_type'],
  ])('invariant 3: %s is quarantined among the messages of no type', async (_, topic, code) => {
    const { send, unrouted } = await makeHub()
    expect(await send({ temperature: 1 }, { topic })).toMatchObject({ status: 'quarantined', code })
    expect(await unrouted()).toMatchObject([
      { status: 'quarantined', code, topic, payloadJson: '{"temperature":1}' },
    ])
  })

  test.each<[string, string]>([
    ['an id with a wildcard', 'things/station/s+1/data'],
    ['an id of look-alike letters', 'things/station/ѕ1/data'],
    ['an id over 128 characters', `things/station/${'x'.repeat(129)}/data`],
    ['an empty id', 'things/station//data'],
    ['an id with a dollar', 'things/station/$s/data'],
  ])('invariant 3: %s is rejected with the reason', async (_, topic) => {
    const { send, messages, unrouted } = await makeHub()
    const outcome = await send({ temperature: 1 }, { topic })
    expect(outcome).toMatchObject({ status: 'rejected' })
    expect([...(await messages()), ...(await unrouted())]).toMatchObject([{ status: 'rejected', topic }])
  })

  test('invariant 3: a message on a channel that is not the devices’ is rejected', async () => {
    const { send } = await makeHub()
    expect(await send({ command: 'x' }, { topic: 'things/station/s1/cmd' })).toMatchObject({
      status: 'rejected',
      code: 'not_inbound',
    })
  })

  test('a quarantined message is replayed once its device exists, once', async () => {
    const { hub, send, messages } = await makeHub()
    expect(await send({ temperature: 4 }, { topic: 'things/station/new/data' })).toMatchObject({
      status: 'quarantined',
      code: 'unknown_device',
    })
    await hub.devices.create(Station, { deviceId: 'new' })
    const [row] = await messages()
    const ref = { typeKey: 'station', id: row?.id ?? '' }
    expect(await hub.messages.replay(ref)).toMatchObject({ status: 'stored', samples: 1 })
    await expect(hub.messages.replay(ref)).rejects.toMatchObject({ code: 'not_replayable' })
    expect((await messages()).map(({ status }) => status)).toEqual(['processed', 'replayed'])
    expect((await hub.readings.latest(Station, 'new'))?.readings.temperature?.value).toBe(4)
  })

  test('two replays at once: one wins', async () => {
    const { hub, send, messages } = await makeHub()
    await send({ temperature: 4 }, { topic: 'things/station/new/data' })
    await hub.devices.create(Station, { deviceId: 'new' })
    const ref = { typeKey: 'station', id: (await messages())[0]?.id ?? '' }
    const results = await Promise.allSettled([hub.messages.replay(ref), hub.messages.replay(ref)])
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect((await hub.readings.list(Station, { deviceId: 'new' })).items).toHaveLength(1)
  })
})

describe('policies', () => {
  test.each([
    ['flag', { status: 'stored' }, 100],
    ['clamp', { status: 'stored' }, 80],
    ['reject', { status: 'rejected', code: 'out_of_range' }, undefined],
  ] as const)('out of range: %s', async (outOfRange, outcome, value) => {
    const { send, readings } = await makeHub({ outOfRange })
    expect(await send({ temperature: 100 })).toMatchObject(outcome)
    expect((await readings())[0]?.readings.temperature).toBe(value)
  })

  test('unknown devices are registered where that is allowed', async () => {
    const { hub, send } = await makeHub({ unknownDevice: 'register' })
    expect(await send({ temperature: 1 }, { topic: 'things/station/fresh/data' })).toMatchObject({
      status: 'stored',
    })
    expect(await hub.devices.get(Station, 'fresh')).toMatchObject({ deviceId: 'fresh', status: 'online' })
  })

  test('an inactive device is rejected, and heard again once it is active', async () => {
    const { hub, send } = await makeHub()
    await hub.devices.deactivate(Station, 's1')
    expect(await send({ temperature: 1 })).toMatchObject({ status: 'rejected', code: 'inactive_device' })
    await hub.devices.activate(Station, 's1')
    expect(await send({ temperature: 1 })).toMatchObject({ status: 'stored' })
  })
})

describe('invariant 4: latest goes by measured time', () => {
  test('invariant 4: a late sample is stored and is not the latest', async () => {
    const { hub, send, readings } = await makeHub()
    await send({ temperature: 2, timestamp: NOW })
    await send({ temperature: 1, timestamp: NOW - 60_000 })
    expect(await readings()).toHaveLength(2)
    expect((await hub.readings.latest(Station, 's1'))?.readings.temperature?.value).toBe(2)
  })

  test('invariant 4: a late status changes nothing but last_seen', async () => {
    const { clock, send, device } = await makeHub()
    const topic = 'things/station/s1/status'
    await send({ status: 'maintenance', battery_level: 50, timestamp: NOW }, { topic })
    clock.time += 60_000
    await send({ status: 'offline', battery_level: 90, timestamp: NOW - 1000 }, { topic })
    expect(await device()).toMatchObject({
      status: 'maintenance',
      batteryLevel: 50,
      lastSeen: new Date(NOW + 60_000),
    })
  })

  test('invariant 4: data that came in before the device went offline does not wake it', async () => {
    const { clock, send, device } = await makeHub()
    clock.time += 1000
    await send({ status: 'offline' }, { topic: 'things/station/s1/status' })
    await send({ temperature: 1 }, { receivedAt: new Date(NOW) })
    expect((await device())?.status).toBe('offline')
    await send({ temperature: 1, timestamp: NOW - 5000 })
    expect((await device())?.status).toBe('online')
  })

  test('invariant 4: a skewed clock is flagged, not dropped', async () => {
    const { send, readings } = await makeHub()
    await send({ temperature: 1, timestamp: NOW + 3_600_000 })
    await send({ temperature: 2, timestamp: NOW - 30 * 86_400_000 })
    await send({ temperature: 3, timestamp: 'yesterday' })
    expect((await readings()).map(({ flags }) => flags)).toEqual([
      ['clock_skew'],
      ['impossible_time'],
      ['bad_timestamp'],
    ])
  })
})

describe('the device row', () => {
  test('data wakes a sleeping device and leaves a status that it reported of itself', async () => {
    const { send, device } = await makeHub()
    await send({ temperature: 1 })
    expect(await device()).toMatchObject({ status: 'online', lastSeen: new Date(NOW) })
    await send(
      { status: 'error', battery: 0, firmware_version: '2.1.0' },
      { topic: 'things/station/s1/status' },
    )
    await send({ temperature: 1 })
    expect(await device()).toMatchObject({ status: 'error', batteryLevel: 0, firmwareVersion: '2.1.0' })
  })

  test('an unknown status is ignored and the rest counts', async () => {
    const { send, device, messages } = await makeHub()
    await send({ status: 'dancing', battery_level: 40 }, { topic: 'things/station/s1/status' })
    expect(await device()).toMatchObject({ status: 'offline', batteryLevel: 40 })
    expect(await messages()).toMatchObject([{ status: 'processed', flags: 'unknown_status' }])
  })
})
