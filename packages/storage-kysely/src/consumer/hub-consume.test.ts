import {
  type ConsumedBatch,
  type ConsumeOptions,
  createDeviceHub,
  type DeviceHub,
  defineDeviceType,
  reading,
  silentLogger,
} from '@devicehub/core'
import { waitUntil } from '@devicehub/test-kit'
import { expect, test } from 'vitest'
import { kyselyStorage } from '../kysely-storage.js'
import { describeDatabases } from '../testing/describe-databases.js'

const types = {
  Meter: defineDeviceType('meter', {
    readings: { n: reading.integer({ nullable: false }) },
    unknownDevice: 'register',
    retention: { messages: 3_600 },
  }),
  Lamp: defineDeviceType('lamp', {
    readings: { n: reading.integer({ nullable: false }) },
    unknownDevice: 'register',
  }),
}

const FAST = {
  from: 'beginning',
  maxBatch: 50,
  lease: 2,
  pollInterval: '100ms',
  retry: { tries: 2, min: '1ms', max: '5ms' },
} satisfies ConsumeOptions

const upTo = (count: number, from = 0) => Array.from({ length: count }, (_, n) => from + n)
const DEVICES = 7

/** Everything a handler was given, by device, in the order it came. */
function byDevice() {
  const seen = new Map<string, number[]>()
  return {
    seen,
    total: () => [...seen.values()].reduce((sum, { length }) => sum + length, 0),
    handle({ messages }: ConsumedBatch) {
      const numbers = messages.flatMap(({ samples }) => samples.map(({ readings }) => readings.n as number))
      const bad = numbers.find((n) => n % 100 === 42)
      if (bad !== undefined) throw new Error(`${bad} cannot be handled`)
      for (const { type, deviceId, samples } of messages) {
        const device = `${type?.key} ${deviceId}`
        const list = seen.get(device) ?? []
        seen.set(device, list)
        list.push(...samples.map(({ readings }) => readings.n as number))
      }
    },
  }
}

describeDatabases('a durable consumer', (openDatabase) => {
  async function hubs() {
    const { connect, cleanup } = await openDatabase()
    const open: DeviceHub[] = []
    const hub = () => {
      const storage = kyselyStorage({ db: connect(), closeDb: true })
      const made = createDeviceHub({ types: Object.values(types), storage, logger: silentLogger })
      open.push(made)
      return made
    }
    const first = hub()
    await first.storage.migrate()
    return {
      first,
      hub,
      async [Symbol.asyncDispose]() {
        for (const each of open) await each.close()
        await cleanup()
      },
    }
  }

  const store = (hub: DeviceHub, type: keyof typeof types, numbers: readonly number[], receivedAt?: Date) =>
    hub.ingest(
      numbers.map((n) => ({
        topic: `things/${types[type].key}/d${n % DEVICES}/data`,
        payload: new TextEncoder().encode(JSON.stringify({ n, id: `n${n}` })),
        source: 'test',
        receivedAt,
      })),
    )

  test('over two types, written by two processes, read by a third: all in order per device, what fails set aside', async () => {
    await using opened = await hubs()
    const [one, two, reader] = [opened.first, opened.hub(), opened.hub()]
    const { seen, total, handle } = byDevice()
    const consumer = reader.consume('ledger', FAST, handle)
    for (const from of [0, 200, 400])
      await Promise.all([store(one, 'Meter', upTo(200, from)), store(two, 'Lamp', upTo(200, from))])
    await waitUntil('all', () => total() === 1188 && consumer.stats().setAside === 12)
    expect(seen.size).toBe(2 * DEVICES)
    for (const [device, numbers] of seen) expect(numbers, device).toEqual([...numbers].sort((a, b) => a - b))
    const { items } = await one.consumers.failures('ledger', { limit: 1000 })
    expect(items.map(({ error }) => error).sort()).toEqual(
      upTo(6)
        .flatMap((n) => Array(2).fill(`Error: ${n * 100 + 42} cannot be handled`))
        .sort(),
    )
    await waitUntil('the record', async () => (await one.consumers.get('ledger'))?.passed === 1200)
    expect(await one.consumers.get('ledger')).toMatchObject({ failures: 12, missed: 0, lag: { messages: 0 } })
  })

  test('another process continues when the running one closes, and retries what it set aside', async () => {
    await using opened = await hubs()
    const [one, two] = [opened.first, opened.hub()]
    await store(one, 'Meter', upTo(100))
    const before = byDevice()
    const first = one.consume('ledger', { ...FAST, types: [types.Meter] }, before.handle)
    await waitUntil('the first', () => first.stats().handled === 99)
    const rest: number[] = []
    const second = two.consume('ledger', { ...FAST, types: [types.Meter] }, ({ messages }) => {
      rest.push(...messages.flatMap(({ samples }) => samples.map(({ readings }) => readings.n as number)))
    })
    await waitUntil('it stands by', () => second.stats().state === 'standby')
    await first.close()
    await store(one, 'Meter', upTo(20, 200))
    expect(await one.consumers.retry('ledger')).toBe(1)
    await waitUntil('the rest', () => rest.length === 21)
    expect(rest.sort((a, b) => a - b)).toEqual([42, ...upTo(20, 200)])
    await waitUntil('nothing is left', async () => (await two.consumers.get('ledger'))?.failures === 0)
  })

  test('begins at a time; seek takes it elsewhere while it runs', async () => {
    await using opened = await hubs()
    const { first } = opened
    const T0 = Date.now() - 60_000
    for (const n of upTo(10)) await store(first, 'Lamp', [n], new Date(T0 + n * 1000))
    const { seen, total, handle } = byDevice()
    const options = { ...FAST, types: [types.Lamp], from: new Date(T0 + 6000) }
    const consumer = first.consume('ledger', options, handle)
    await waitUntil('four', () => total() === 4)
    expect([...seen.values()].flat().sort()).toEqual([6, 7, 8, 9])
    await first.consumers.seek('ledger', 'beginning')
    await waitUntil('all again', () => total() === 14)
    await waitUntil('idle', () => consumer.stats().handled === 14)
    await consumer.close()
    await first.consumers.seek('ledger', new Date(T0 + 9000))
    expect((await first.consumers.get('ledger'))?.lag).toEqual({ messages: 1, since: new Date(T0 + 9000) })
    await first.consumers.seek('ledger', 'now')
    expect((await first.consumers.get('ledger'))?.lag).toEqual({ messages: 0, since: null })
  })

  test('invariant 5: rows that retention deletes unread are a gap, counted', async () => {
    await using opened = await hubs()
    const { first } = opened
    const old = new Date(Date.now() - 7_200_000)
    await store(first, 'Meter', upTo(10), old)
    const gaps: number[] = []
    const options = {
      ...FAST,
      types: [types.Meter],
      onGap: ({ missed }: { missed: number }) => gaps.push(missed),
    }
    const { handle, total } = byDevice()
    const consumer = first.consume('ledger', options, handle)
    await waitUntil('ten', () => consumer.stats().handled === 10)
    await consumer.close()
    await store(first, 'Meter', upTo(15, 10), old)
    await store(first, 'Meter', upTo(5, 25))
    expect(await first.storage.applyRetention(Date.now())).toMatchObject({ messages: 25 })
    const again = first.consume('ledger', options, handle)
    await waitUntil('the rest', () => total() === 15)
    expect(gaps).toEqual([15])
    expect(again.stats().missed).toBe(15)
  })
})
