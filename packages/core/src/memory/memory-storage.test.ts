import { describe, expect, test } from 'vitest'
import { defineDeviceType } from '../model/device-type/define-device-type.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import { reading } from '../model/device-type/reading.js'
import type { CommitEntry, NewSample, Storage } from '../ports/storage.js'
import { memoryStorage } from './memory-storage.js'

// The contract suite of the test-kit covers the port; here is what is this implementation's own.

const Probe: AnyDeviceType = {
  kind: 'device-type',
  name: 'Probe',
  key: 'probe',
  abstract: false,
  readings: {},
  readingNames: [],
  commands: {},
  state: {},
  stateNames: [],
  options: {},
  hooks: {},
}

const sample = (deviceId: string, timestamp: number, sampleId: string | null = null): NewSample => ({
  deviceId,
  timestamp,
  receivedAt: 0,
  orderAt: timestamp,
  sampleId,
  contentHash: sampleId === null ? null : 1,
  flags: null,
  values: [],
})

const entry = (n: number, samples: readonly NewSample[] = [], payload = '{}'): CommitEntry => ({
  type: Probe,
  message: {
    deviceId: 'd',
    channel: 'data',
    direction: 'in',
    topic: '',
    payloadJson: payload,
    payloadRaw: null,
    contentType: null,
    correlationId: String(n),
    userProperties: null,
    source: 'test',
    qos: 1,
    redelivered: false,
    retained: false,
    status: 'processed',
    code: null,
    reason: null,
    flags: null,
    receivedAt: n,
    processedAt: n,
  },
  samples,
})

const commit = (storage: Storage, ...entries: CommitEntry[]) =>
  storage.commit({ entries, touches: [], changes: [] })

const messages = async (storage: Storage) =>
  (await storage.messages.list(Probe, {}, { limit: 1e6, maxBytes: 2 ** 40 })).items
    .map((one) => Number(one.correlationId))
    .reverse()
const times = async (storage: Storage) =>
  (await storage.readings.list(Probe, { order: 'asc' }, { limit: 1e6, maxBytes: 2 ** 40 })).items.map(
    ({ timestamp }) => timestamp,
  )

describe('memoryStorage', () => {
  test('invariant 5: past maxMessages the oldest messages go and are counted', async () => {
    const adapter = memoryStorage({ maxMessages: 5 })
    const storage = adapter.open({ types: [Probe] })
    const before = await storage.log.end([Probe])
    for (let n = 0; n < 200; n++) await commit(storage, entry(n))
    expect(await messages(storage)).toEqual([195, 196, 197, 198, 199])
    expect(adapter.dropped).toEqual({ messages: 195, readings: 0, commands: 0 })
    const page = await storage.log.read([Probe], before, 2)
    expect(page.messages.map((one) => one.correlationId)).toEqual(['195', '196'])
    await commit(storage, ...Array.from({ length: 12 }, (_, n) => entry(n)))
    expect(await messages(storage)).toEqual([7, 8, 9, 10, 11])
    expect(adapter.dropped.messages).toBe(207)
  })

  test('invariant 5: past maxMessageBytes too, so that large payloads are bounded', async () => {
    const adapter = memoryStorage({ maxMessageBytes: 1000 })
    const storage = adapter.open({ types: [Probe] })
    for (let n = 0; n < 10; n++) await commit(storage, entry(n, [], `"${'x'.repeat(298)}"`))
    expect(await messages(storage)).toEqual([7, 8, 9])
    expect(adapter.dropped.messages).toBe(7)
  })

  test('invariant 5: past maxReadingBytes too, so that large values are bounded', async () => {
    const adapter = memoryStorage({ maxReadingBytes: 1000 })
    const Camera = defineDeviceType('camera', { readings: { frame: reading.binary() } })
    const storage = adapter.open({ types: [Camera] })
    for (let n = 0; n < 10; n++) {
      const values = [new Uint8Array(300)]
      await commit(storage, { ...entry(n, [{ ...sample('d', n, `s${n}`), values }]), type: Camera })
    }
    const { items } = await storage.readings.list(Camera, { order: 'asc' }, { limit: 100 })
    expect(items.map(({ timestamp }) => timestamp)).toEqual([7, 8, 9])
    expect(adapter.dropped).toEqual({ messages: 0, readings: 7, commands: 0 })
  })

  test('invariant 5: past maxReadings the samples that arrived first go, with their identities', async () => {
    const adapter = memoryStorage({ maxReadings: 3 })
    const storage = adapter.open({ types: [Probe] })
    for (const [n, time] of [50, 10, 40, 20, 30].entries())
      await commit(storage, entry(n, [sample('d', time, `s${time}`)]))
    expect(await times(storage)).toEqual([20, 30, 40])
    expect(adapter.dropped).toEqual({ messages: 0, readings: 2, commands: 0 })
    const again = await commit(storage, entry(9, [sample('d', 30, 's30'), sample('d', 50, 's50')]))
    expect(again.duplicates).toEqual([1])
  })

  test('100,000 rows in a random order of measured times, under a bound, stay usable and exact', async () => {
    const adapter = memoryStorage({ maxMessages: 60_000, maxReadings: 60_000 })
    const storage = adapter.open({ types: [Probe] })
    for (let n = 0; n < 100_000; n++) {
      await commit(storage, entry(n, [sample(`d${n % 100}`, (n * 7919) % 100_003, `s${n}`)]))
      if (n % 10_000 === 0) await storage.readings.latest(Probe, ['d0'])
    }
    const stored = await times(storage)
    expect(stored).toHaveLength(60_000)
    expect(stored).toEqual([...stored].sort((a, b) => a - b))
    expect(await messages(storage)).toEqual(Array.from({ length: 60_000 }, (_, n) => n + 40_000))
    expect(adapter.dropped).toEqual({ messages: 40_000, readings: 40_000, commands: 0 })
  })

  test('what one adapter opens shares the data; a closed storage answers no more; the data outlives it', async () => {
    const adapter = memoryStorage()
    const [first, second] = [adapter.open({ types: [Probe] }), adapter.open({ types: [Probe] })]
    await commit(first, entry(1))
    await first.close()
    await expect(messages(first)).rejects.toMatchObject({ code: 'closed' })
    expect(await messages(second)).toEqual([1])
    expect(await messages(memoryStorage().open({ types: [Probe] }))).toEqual([])
  })

  test('what a caller does with an answer changes nothing in the store', async () => {
    const storage = memoryStorage().open({ types: [Probe] })
    const { message } = entry(1)
    await commit(storage, {
      ...entry(1),
      message: { ...message, payloadJson: null, payloadRaw: Uint8Array.of(1) },
    })
    for (let round = 0; round < 2; round++) {
      const [stored] = (await storage.messages.list(Probe, {}, { limit: 1 })).items
      expect(stored?.payloadRaw).toEqual(Uint8Array.of(1))
      stored?.payloadRaw?.fill(9)
    }
  })

  test.each([{ maxMessages: 0 }, { maxReadings: 1.5 }, { maxMessageBytes: Number.NaN }])(
    'a bound that cannot work is refused: %o',
    (options) => {
      expect(() => memoryStorage(options)).toThrow(expect.objectContaining({ code: 'invalid_options' }))
    },
  )
})
