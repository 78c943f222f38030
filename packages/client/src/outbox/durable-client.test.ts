import { join } from 'node:path'
import { cborCodec } from '@devicehub/core/cbor'
import { type DeviceHubError, defineDeviceType, reading } from '@devicehub/core/definition'
import { describeWith } from '@devicehub/test-kit'
import { describe, expect, test } from 'vitest'
import { createDeviceClient } from '../create-device-client.js'
import type { DeviceClientOptions, OutboxFolder } from '../device-client-options.js'
import { startObserver } from '../testing/observer.js'
import { type Script, startScriptedBroker } from '../testing/scripted-broker.js'
import { temporaryFolder } from '../testing/temporary-folder.js'

const WAIT = { timeout: 60_000, interval: 10 }
const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i)

interface Sent {
  readonly value: number
  readonly id: string
  readonly timestamp: string
}

const samplesIn = (packet: { payload: string | Buffer }): Sent[] =>
  [JSON.parse(String(packet.payload)) as Sent | Sent[]].flat()
const valuesIn = (packet: { payload: string | Buffer }) => samplesIn(packet).map(({ value }) => value)

function device(folder: string, url: string, options: Partial<DeviceClientOptions & OutboxFolder> = {}) {
  const errors: DeviceHubError[] = []
  const { maxBytes, drop, ...rest } = options
  const client = createDeviceClient(
    { type: 'sensor' },
    {
      url,
      deviceId: 'S-1',
      reconnect: { min: '1ms', max: '20ms' },
      outbox: { folder, maxBytes, drop },
      ...rest,
    },
  )
  client.on('error', (error) => errors.push(error))
  return { client, errors }
}

const NOWHERE = 'mqtt://127.0.0.1:1'

describe('with a broker that answers as the test says', () => {
  async function setUp(script: Script, options: Partial<DeviceClientOptions & OutboxFolder> = {}) {
    const folder = temporaryFolder()
    const broker = await startScriptedBroker(script)
    return {
      folder: folder.path,
      broker,
      ...device(folder.path, broker.url, options),
      async [Symbol.asyncDispose]() {
        await this.client.close({ timeout: 0 })
        await broker[Symbol.asyncDispose]()
        folder[Symbol.dispose]()
      },
    }
  }

  test('what is recorded before there is a connection is sent in order, in few messages, with its own time and id', async () => {
    await using it = await setUp({}, { maxBatchSamples: 40 })
    const timestamp = new Date('2026-05-04T03:02:01Z')
    for (const value of numbers(100)) await it.client.record({ value }, { timestamp, id: `own-${value}` })
    await it.client.recordBatch(numbers(20, 100).map((value) => ({ readings: { value } })))
    expect(it.client.state).toBe('idle')
    expect(it.client.stats()).toMatchObject({ queued: 120, delivered: 0 })
    const before = Date.now()
    await it.client.connect()
    await it.client.record({ value: 120 })
    await expect.poll(() => it.client.stats().queued, WAIT).toBe(0)
    const packets = it.broker.published()
    expect(packets.flatMap(valuesIn)).toEqual(numbers(121))
    expect(packets.slice(0, 3).map((packet) => valuesIn(packet).length)).toEqual([40, 40, 40])
    const samples = packets.flatMap(samplesIn)
    expect(samples.slice(0, 100).map(({ id }) => id)).toEqual(numbers(100).map((n) => `own-${n}`))
    expect(new Set(samples.slice(0, 100).map(({ timestamp: each }) => each))).toEqual(
      new Set(['2026-05-04T03:02:01.000Z']),
    )
    expect(new Set(samples.map(({ id }) => id)).size).toBe(121)
    expect(Date.parse(samples[110]?.timestamp ?? '')).toBeLessThanOrEqual(before)
    expect(it.client.stats()).toMatchObject({ delivered: 121, queuedBytes: 0, dropped: 0, setAside: 0 })
  })

  test('what was sent and not confirmed is sent again by the next process, with the same id and time', async () => {
    await using it = await setUp({ onPublish: (_, connection) => (connection === 1 ? 'silence' : 0) })
    await it.client.connect()
    await it.client.record({ value: 1 })
    await expect.poll(() => it.broker.published().length, WAIT).toBe(1)
    await it.client.record({ value: 2 })
    // Longer than the position takes to be noted.
    await new Promise((resolve) => setTimeout(resolve, 1500))
    await it.client.close({ timeout: 0 })
    const next = device(it.folder, it.broker.url)
    await next.client.connect()
    await expect.poll(() => next.client.stats(), WAIT).toMatchObject({ queued: 0, delivered: 2 })
    await next.client.close()
    const [first, ...again] = it.broker.published()
    expect(again.flatMap(valuesIn)).toEqual([1, 2])
    expect(samplesIn(again[0] as NonNullable<typeof first>)[0]).toEqual(
      samplesIn(first as NonNullable<typeof first>)[0],
    )
  })

  test('what was confirmed is not sent again by the next process', async () => {
    await using it = await setUp({})
    await it.client.connect()
    for (const value of numbers(5)) await it.client.record({ value })
    await it.client.close()
    const next = device(it.folder, it.broker.url)
    await next.client.connect()
    await next.client.record({ value: 5 })
    await next.client.close()
    expect(it.broker.published().flatMap(valuesIn)).toEqual(numbers(6))
  })

  test('a sample above the Maximum Packet Size is set aside, counted and kept, the others get through', async () => {
    await using it = await setUp({ connack: { properties: { maximumPacketSize: 2000 } } })
    const samples = numbers(30).map((value) => ({
      readings: { value, text: value === 17 ? 'x'.repeat(3000) : '' },
    }))
    await it.client.recordBatch(samples)
    await it.client.connect()
    await expect.poll(() => it.client.stats(), WAIT).toMatchObject({ queued: 0, delivered: 29, setAside: 1 })
    expect(it.broker.published().flatMap(valuesIn)).toEqual(numbers(30).filter((n) => n !== 17))
    expect(it.errors.map(({ code }) => code)).toEqual(['publish_failed'])
    expect(it.errors[0]?.message).toMatch(/set aside \(.*set-aside\.jsonl\): .*the broker takes 2000/)
    const { readFileSync } = await import('node:fs')
    const kept = JSON.parse(readFileSync(join(it.folder, 'set-aside.jsonl'), 'utf8')) as { sample: string }
    expect(JSON.parse(kept.sample)).toMatchObject({ value: 17 })
  })

  test.each([
    ['a payload the broker does not take (0x99)', 0x99 as const],
    ['a lost connection each time', 'cut' as const],
    ['a refusal that does not say why (0x83), again and again', 0x83 as const],
  ])('%s: the one sample is found and set aside', async (_, verdict) => {
    await using it = await setUp(
      { onPublish: (packet) => (valuesIn(packet).includes(5) ? verdict : 0) },
      { maxAttempts: 2 },
    )
    await it.client.recordBatch(numbers(12).map((value) => ({ readings: { value } })))
    await it.client.connect()
    await expect.poll(() => it.client.stats(), WAIT).toMatchObject({ queued: 0, delivered: 11, setAside: 1 })
    // One may be sent again for a comparison, with its id; the order of the first of each stays.
    const others = it.broker
      .published()
      .map(valuesIn)
      .filter((values) => !values.includes(5))
    expect([...new Set(others.flat())]).toEqual(numbers(12).filter((n) => n !== 5))
  })

  test('a device that may not publish loses nothing: it tries again', async () => {
    let allowed = false
    await using it = await setUp({ onPublish: () => (allowed ? 0 : 0x87) })
    await it.client.connect()
    await it.client.recordBatch(numbers(3).map((value) => ({ readings: { value } })))
    await expect.poll(() => it.errors[0]?.message, WAIT).toMatch(/not authorized/)
    expect(it.client.stats()).toMatchObject({ queued: 3, setAside: 0 })
    allowed = true
    await expect.poll(() => it.client.stats(), WAIT).toMatchObject({ queued: 0, delivered: 3 })
  })

  test('an order to slow down keeps the order of the samples', async () => {
    let refusals = 0
    await using it = await setUp(
      { onPublish: () => (++refusals % 3 === 1 && refusals < 8 ? 0x97 : 0) },
      { maxBatchSamples: 5 },
    )
    await it.client.recordBatch(numbers(30).map((value) => ({ readings: { value } })))
    await it.client.connect()
    await expect.poll(() => it.client.stats(), WAIT).toMatchObject({ queued: 0, delivered: 30 })
    const firstSeen = [...new Set(it.broker.published().flatMap(valuesIn))]
    expect(firstSeen).toEqual(numbers(30))
  })

  test('record() does not wait for the broker, and close() not for long', async () => {
    await using it = await setUp({ onPublish: () => 'silence' })
    await it.client.connect()
    await Promise.all(numbers(50).map((value) => it.client.record({ value })))
    const start = Date.now()
    const late = it.client.record({ value: 50 })
    await it.client.close({ timeout: '100ms' })
    await late
    expect(Date.now() - start).toBeLessThan(10_000)
    await expect(it.client.record({ value: 51 })).rejects.toMatchObject({ code: 'closed' })
    const next = device(it.folder, NOWHERE)
    await next.client.record({ value: 51 })
    expect(next.client.stats().queued).toBe(52)
    await next.client.close()
  })

  test('closing at any moment of the delivery comes to an end and loses nothing', async () => {
    await using it = await setUp({})
    await it.client.recordBatch(numbers(200).map((value) => ({ readings: { value } })))
    await it.client.close()
    for (let round = 0; round < 15; round++) {
      const { client } = device(it.folder, it.broker.url, { maxBatchSamples: 2 })
      await client.connect()
      await new Promise((resolve) => setTimeout(resolve, round))
      await client.close({ timeout: 0 })
    }
    const { client } = device(it.folder, it.broker.url)
    await client.connect()
    await expect.poll(() => client.stats().queued, WAIT).toBe(0)
    await client.close()
    expect([...new Set(it.broker.published().flatMap(valuesIn))]).toEqual(numbers(200))
  })

  test('a second client of the folder is refused by record() and connect(), and may come when the first is closed', async () => {
    await using it = await setUp({})
    await it.client.record({ value: 1 })
    const second = device(it.folder, it.broker.url)
    await expect(second.client.connect()).rejects.toMatchObject({ code: 'outbox_locked' })
    await expect(second.client.record({ value: 2 })).rejects.toMatchObject({ code: 'outbox_locked' })
    await it.client.close()
    await second.client.connect()
    await expect.poll(() => second.client.stats().delivered, WAIT).toBe(1)
    await second.client.close()
  })

  test('bytes go through a codec as bytes, and through JSON as base64', async () => {
    const readings = { raw: reading.binary(), value: reading.integer() }
    for (const codec of [cborCodec, undefined]) {
      await using it = await setUp({})
      const Meter = defineDeviceType('meter', { readings, codec })
      const folder = join(it.folder, 'meter')
      const client = createDeviceClient(Meter, { url: it.broker.url, deviceId: 'M-1', outbox: { folder } })
      const samples = [1, 2].map((value) => ({ readings: { raw: new Uint8Array([value, 255]), value } }))
      await client.recordBatch(samples)
      await client.connect()
      await expect.poll(() => client.stats().delivered, WAIT).toBe(2)
      await client.close()
      const [packet] = it.broker.published()
      const payload = packet?.payload as Buffer
      const sent = (
        codec === undefined
          ? JSON.parse(String(payload))
          : codec.decode(payload, {
              channel: 'data',
              topic: 'things/t/d/data',
              deviceId: 'd',
              receivedAt: new Date(0),
            })
      ) as {
        raw: unknown
      }[]
      expect(sent.map(({ raw }) => raw)).toEqual(
        codec === undefined ? ['Af8=', 'Av8='] : [new Uint8Array([1, 255]), new Uint8Array([2, 255])],
      )
    }
  })
})

test.each<[unknown, RegExp]>([
  ['disk', /outbox must be memory, or \{ folder \}/],
  [{ folder: '' }, /outbox\.folder/],
  [{ folder: 'x', drop: 'all' }, /outbox\.drop/],
  [{ folder: 'x', maxBytes: 100 }, /outbox\.maxBytes must be a whole number of at least 16,384/],
])('outbox: %j is refused', (outbox, message) => {
  const options = { url: NOWHERE, deviceId: 'S-1', outbox } as DeviceClientOptions
  expect(() => createDeviceClient({ type: 'sensor' }, options)).toThrow(
    expect.objectContaining({ code: 'invalid_options', message: expect.stringMatching(message) }),
  )
})

describeWith({ mosquitto: 'own' }, 'with mosquitto', ({ mosquitto }) => {
  test.each([5, 4] as const)(
    'outages of the broker and restarts of the device lose nothing and change no order (protocol version %i)',
    async (protocolVersion) => {
      using folder = temporaryFolder()
      await using broker = await mosquitto.start()
      await using observer = await startObserver(broker.url, { clientId: 'observer', clean: false })
      let next = 0
      for (let life = 0; life < 3; life++) {
        const { client } = device(folder.path, broker.url, { protocolVersion, maxBatchSamples: 20 })
        // Offline, before the first connection.
        for (const _ of numbers(30)) await client.record({ value: next++ })
        await client.connect()
        for (const _ of numbers(100)) await client.record({ value: next++ })
        await broker.shutdown()
        for (const _ of numbers(100)) await client.record({ value: next++ })
        expect(client.stats().queued).toBeGreaterThanOrEqual(100)
        if (life === 1) await client.close()
        await broker.restart()
        if (life === 0) for (const _ of numbers(100)) await client.record({ value: next++ })
        if (life === 2) await expect.poll(() => client.stats().queued, WAIT).toBe(0)
        await client.close()
      }
      const values = () => (observer.on('data') as (Sent | Sent[])[]).flat().map(({ value }) => value)
      await expect.poll(() => new Set(values()).size, WAIT).toBe(next)
      expect([...new Set(values())]).toEqual(numbers(next))
      const ids = (observer.on('data') as (Sent | Sent[])[]).flat().map(({ id }) => id)
      expect(new Set(ids).size).toBe(next)
    },
  )
})
