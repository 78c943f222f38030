import { afterEach, describe, expect, test, vi } from 'vitest'
import {
  type ConsumedBatch,
  type ConsumedMessage,
  type ConsumeOptions,
  createDeviceHub,
  type DeviceHub,
  type DeviceHubError,
  defineDeviceType,
  DeviceHubError as HubError,
  type MemoryStorage,
  memoryStorage,
  reading,
  type StorageAdapter,
  silentLogger,
} from '../index.js'

const Meter = defineDeviceType('meter', {
  readings: { energy: reading.float({ nullable: false }) },
  unknownDevice: 'register',
})
const Lamp = defineDeviceType('lamp', { readings: { level: reading.integer() }, unknownDevice: 'register' })

const FAST = {
  pollInterval: '50ms',
  retry: { tries: 3, min: '1ms', max: '5ms' },
  from: 'beginning',
} satisfies ConsumeOptions

const open: DeviceHub[] = []
afterEach(async () => {
  for (const hub of open.splice(0)) await hub.close({ timeout: '1s' })
})

function hubOn(storage: StorageAdapter = memoryStorage()): DeviceHub {
  const hub = createDeviceHub({ types: [Meter, Lamp], storage, logger: silentLogger })
  open.push(hub)
  return hub
}

/** Fails by the test's own limit. */
async function waitUntil(_what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 2))
}

let sent = 0
const data = (device: string, energy: number) => ({
  topic: `things/meter/${device}/data`,
  payload: new TextEncoder().encode(JSON.stringify({ energy, id: `m-${sent++}` })),
  source: 'test',
})

/** The n-th message has the energy n. One device: the order of the log is that of each device. */
async function store(hub: DeviceHub, count: number, from = 0): Promise<void> {
  await hub.ingest(Array.from({ length: count }, (_, n) => data('a', from + n)))
}

const energies = (messages: readonly ConsumedMessage<typeof Meter>[]) =>
  messages.flatMap(({ samples }) => samples.map(({ readings }) => readings.energy))
const upTo = (count: number, from = 0) => Array.from({ length: count }, (_, n) => from + n)

/** A handler that remembers what it was given, and fails for some. */
function recorder(fails: (energy: number) => boolean = () => false) {
  const seen: number[] = []
  const batches: number[] = []
  const handle = async ({ messages }: ConsumedBatch<typeof Meter>) => {
    const all = energies(messages)
    batches.push(all.length)
    const bad = all.find((energy) => fails(energy as number))
    if (bad !== undefined) throw new Error(`cannot handle ${bad}`)
    seen.push(...(all as number[]))
  }
  return { seen, batches, handle }
}

describe('a consumer', () => {
  test('is given every message once, in order, with typed samples', async () => {
    const hub = hubOn()
    await store(hub, 25)
    const { seen, handle, batches } = recorder()
    const consumer = hub.consume('billing', { ...FAST, types: [Meter], maxBatch: 10 }, handle)
    await store(hub, 10, 25)
    await waitUntil('all', () => seen.length >= 35)
    expect(seen).toEqual(upTo(35))
    expect(Math.max(...batches)).toBeLessThanOrEqual(10)
    await waitUntil('the cursor', () => consumer.stats().lagMs === 0 && consumer.stats().handled === 35)
    expect(await hub.consumers.get('billing')).toMatchObject({
      passed: 35,
      missed: 0,
      failures: 0,
      active: true,
      lag: { messages: 0, since: null },
    })
  })

  test('is given batches that are bounded in bytes, and what stands behind large messages', async () => {
    const hub = hubOn()
    const large = JSON.stringify({ energy: 1, note: 'x'.repeat(100_000) })
    await hub.ingest(
      [large, large, large, large.replace('x', 'x'.repeat(300_000)), large, '{"energy":2}'].map(
        (payload) => ({
          topic: 'things/meter/m1/data',
          payload: new TextEncoder().encode(payload),
          source: 'test',
        }),
      ),
    )
    const { seen, batches, handle } = recorder()
    const options = { ...FAST, types: [Meter], maxBatch: 100, maxBatchBytes: 250_000 }
    hub.consume('billing', options, handle)
    await waitUntil('all', () => seen.length >= 6)
    expect(seen).toEqual([1, 1, 1, 1, 1, 2])
    expect(batches).toEqual([2, 1, 1, 2])
  })

  test('goes on where it was, after a restart and in another process', async () => {
    const storage = memoryStorage()
    const first = hubOn(storage)
    await store(first, 10)
    const before = recorder()
    const consumer = first.consume('billing', { ...FAST, types: [Meter] }, before.handle)
    await waitUntil('the first', () => consumer.stats().handled === 10)
    await consumer.close()
    await store(first, 10, 10)
    expect((await first.consumers.get('billing'))?.lag.messages).toBe(10)
    const second = hubOn(storage)
    const after = recorder()
    second.consume('billing', { ...FAST, types: [Meter] }, after.handle)
    await waitUntil('the rest', () => after.seen.length >= 10)
    expect(before.seen).toEqual(upTo(10))
    expect(after.seen).toEqual(upTo(10, 10))
  })

  test('is woken by what its own process stores, without its own clock', async () => {
    const hub = hubOn()
    const { seen, handle } = recorder()
    const consumer = hub.consume('billing', { ...FAST, types: [Meter] }, handle)
    await waitUntil('it runs', () => consumer.stats().state === 'running')
    vi.useFakeTimers({ toFake: ['setTimeout'] })
    try {
      for (let n = 0; n < 3; n++) {
        await store(hub, 1, n)
        for (let turn = 0; turn < 1_000 && seen.length <= n; turn++) await new Promise(setImmediate)
        expect(seen).toHaveLength(n + 1)
      }
    } finally {
      vi.useRealTimers()
    }
  })

  test('begins at the beginning, now, or at a time', async () => {
    const hub = hubOn()
    await hub.ingest(upTo(5).map((n) => ({ ...data('a', n), receivedAt: new Date(1_000_000 + n) })))
    const all = recorder()
    const late = recorder()
    const none = recorder()
    hub.consume('all', { ...FAST, types: [Meter] }, all.handle)
    hub.consume('late', { ...FAST, types: [Meter], from: new Date(1_000_003) }, late.handle)
    const now = hub.consume('now', { ...FAST, types: [Meter], from: 'now' }, none.handle)
    await waitUntil('to begin', () => now.stats().state === 'running')
    await store(hub, 1, 5)
    await waitUntil('the last', () => [all, late, none].every(({ seen }) => seen.includes(5)))
    expect([all.seen, late.seen, none.seen]).toEqual([upTo(6), [3, 4, 5], [5]])
  })

  test('is given only the types, channels and statuses it asked for', async () => {
    const hub = hubOn()
    const seen: string[] = []
    const keep = ({ messages }: ConsumedBatch) =>
      void seen.push(...messages.map(({ type, channel, row }) => `${type?.key} ${channel} ${row.status}`))
    hub.consume('status', { ...FAST, types: [Meter], channels: ['status'] }, keep)
    hub.consume('refused', { ...FAST, statuses: ['rejected', 'quarantined'], unrouted: true }, keep)
    const text = (payload: string) => new TextEncoder().encode(payload)
    await hub.ingest([
      data('a', 1),
      { topic: 'things/meter/a/status', payload: text('{"status":"online"}'), source: 'test' },
      { topic: 'things/lamp/l/status', payload: text('{"status":"online"}'), source: 'test' },
      { topic: 'things/meter/a/data', payload: text('{'), source: 'test' },
      { topic: 'elsewhere', payload: text('{}'), source: 'test' },
    ])
    await waitUntil('three', () => seen.length >= 3)
    expect(seen.sort()).toEqual([
      'meter data rejected',
      'meter status processed',
      'undefined null quarantined',
    ])
  })

  test('runs in one process at a time; another takes it up when it closes', async () => {
    const storage = memoryStorage()
    const [first, second] = [hubOn(storage), hubOn(storage)]
    const [one, two] = [recorder(), recorder()]
    const holder = first.consume('billing', { ...FAST, types: [Meter] }, one.handle)
    await waitUntil('the first', () => holder.stats().state === 'running')
    const standby = second.consume('billing', { ...FAST, types: [Meter], lease: 1 }, two.handle)
    await waitUntil('the second to stand by', () => standby.stats().state === 'standby')
    await store(first, 10)
    await waitUntil('ten', () => holder.stats().handled === 10)
    await holder.close()
    await store(first, 10, 10)
    await waitUntil('ten more', () => two.seen.length >= 10)
    expect([one.seen, two.seen]).toEqual([upTo(10), upTo(10, 10)])
  })
})

describe('a handler that fails', () => {
  test('is called again with less, until the message at fault stands alone and is set aside', async () => {
    const hub = hubOn()
    await store(hub, 300)
    const { seen, handle, batches } = recorder((energy) => energy === 100 || energy === 217)
    const consumer = hub.consume('billing', { ...FAST, types: [Meter] }, handle)
    await waitUntil('the end', () => consumer.stats().handled === 298)
    expect(seen).toEqual(upTo(300).filter((n) => n !== 100 && n !== 217))
    expect(consumer.stats()).toMatchObject({ setAside: 2, fenced: 0 })
    // 9 halvings to find each and 3 tries alone, not a call for every message.
    expect(batches.length).toBeLessThan(60)
    const { items } = await hub.consumers.failures('billing')
    expect(items.map(({ attempts, error, deviceId, due }) => ({ attempts, error, deviceId, due }))).toEqual([
      { attempts: 3, error: 'Error: cannot handle 100', deviceId: 'a', due: false },
      { attempts: 3, error: 'Error: cannot handle 217', deviceId: 'a', due: false },
    ])
    expect((await hub.consumers.get('billing'))?.failures).toBe(2)
  })

  test('what was set aside is tried again or skipped on request', async () => {
    const hub = hubOn()
    await store(hub, 20)
    let broken = true
    const { seen, handle } = recorder((energy) => broken && energy % 10 === 7)
    const consumer = hub.consume('billing', { ...FAST, types: [Meter] }, handle)
    await waitUntil('the end', () => consumer.stats().setAside === 2)
    const [first, second] = (await hub.consumers.failures('billing')).items
    expect(await hub.consumers.retry('billing', first?.ref)).toBe(1)
    await waitUntil('to fail once more', async () => {
      const { items } = await hub.consumers.failures('billing')
      return items[0]?.attempts === 4 && !items[0].due
    })
    broken = false
    await hub.consumers.skip('billing', second?.ref as never)
    expect(await hub.consumers.retry('billing')).toBe(1)
    await waitUntil('the retry', () => consumer.stats().retried === 1)
    expect((await hub.consumers.failures('billing')).items).toEqual([])
    expect(seen.filter((n) => n % 10 === 7)).toEqual([7])
    await expect(hub.consumers.skip('billing', second?.ref as never)).rejects.toMatchObject({
      code: 'message_not_found',
    })
  })

  test('something it needs is away: tried again with the same messages, nothing set aside', async () => {
    const hub = hubOn()
    await store(hub, 10)
    let away = 20
    const attempts: number[] = []
    const seen: number[] = []
    const consumer = hub.consume('billing', { ...FAST, types: [Meter] }, ({ messages, attempt }) => {
      attempts.push(attempt)
      if (away-- > 0) throw new HubError('transport_unavailable', 'away')
      seen.push(...(energies(messages) as number[]))
    })
    await waitUntil('the end', () => consumer.stats().handled === 10)
    expect(attempts).toEqual(upTo(21, 1))
    expect(seen).toEqual(upTo(10))
    expect(consumer.stats()).toMatchObject({ setAside: 0, failures: 20 })
  })

  test('that takes too long has its signal aborted, and is not called beside itself', async () => {
    const hub = hubOn()
    await store(hub, 1)
    let running = 0
    let most = 0
    const consumer = hub.consume(
      'slow',
      { ...FAST, types: [Meter], timeout: 0.05 },
      async ({ signal, attempt }) => {
        most = Math.max(most, ++running)
        if (attempt === 1) await new Promise((resolve) => signal.addEventListener('abort', resolve))
        running--
        signal.throwIfAborted()
      },
    )
    await waitUntil('the second call', () => consumer.stats().handled === 1)
    expect(most).toBe(1)
    expect(consumer.stats().lastError).toMatchObject({ name: 'TimeoutError' })
  })

  test('closing waits for the handler, and records what it did', async () => {
    const storage = memoryStorage()
    const hub = hubOn(storage)
    await store(hub, 5)
    let finish = () => {}
    const entered = new Promise<void>((enter) => {
      const hold = new Promise<void>((resolve) => {
        finish = resolve
      })
      hub.consume('billing', { ...FAST, types: [Meter] }, async () => {
        enter()
        await hold
      })
    })
    await entered
    const closing = hub.close()
    finish()
    await closing
    const again = hubOn(storage)
    expect((await again.consumers.get('billing'))?.passed).toBe(5)
  })

  test('that never ends does not hold up closing for longer than asked, and nobody else starts beside it', async () => {
    const storage = memoryStorage()
    const hub = hubOn(storage)
    await store(hub, 1)
    let aborted = false
    const consumer = hub.consume('billing', { ...FAST, types: [Meter], lease: 60 }, ({ signal }) => {
      signal.addEventListener('abort', () => {
        aborted = true
      })
      return new Promise(() => {})
    })
    await waitUntil('it runs', () => consumer.stats().state === 'running')
    await consumer.close({ timeout: '10ms' })
    expect(aborted).toBe(true)
    expect(await hubOn(storage).consumers.get('billing')).toMatchObject({ active: true, passed: 0 })
  })
})

describe('invariant 1: a former holder', () => {
  /** A lease store of which one process's renewals get lost. */
  function deaf(adapter: MemoryStorage): StorageAdapter & { deaf: boolean } {
    const self = {
      name: 'memory',
      deaf: false,
      open(context: Parameters<StorageAdapter['open']>[0]) {
        const storage = adapter.open(context)
        return {
          ...storage,
          leases: {
            ...storage.leases,
            renew: (...args: Parameters<typeof storage.leases.renew>) =>
              self.deaf ? new Promise<boolean>(() => {}) : storage.leases.renew(...args),
          },
        }
      },
    }
    return self
  }

  test('a batch that was under way when the lease went over is not recorded, and its signal is aborted', async () => {
    const memory = memoryStorage()
    const storage = deaf(memory)
    const [first, second] = [hubOn(storage), hubOn(memory)]
    await store(first, 10)
    let finish = () => {}
    let aborted = false
    const held = new Promise<void>((resolve) => {
      finish = resolve
    })
    const frozen = first.consume('billing', { ...FAST, types: [Meter], lease: 1 }, async ({ signal }) => {
      storage.deaf = true
      signal.addEventListener('abort', () => {
        aborted = true
      })
      await held
    })
    await waitUntil('the handler', () => storage.deaf)
    const { seen, handle } = recorder()
    const next = second.consume('billing', { ...FAST, types: [Meter], lease: 60 }, handle)
    await waitUntil('the other to take over', () => next.stats().handled === 10)
    expect(aborted).toBe(true)
    finish()
    await waitUntil('the late write', () => frozen.stats().fenced === 1)
    expect(seen).toEqual(upTo(10))
    expect(frozen.stats().handled).toBe(0)
    expect(await second.consumers.get('billing')).toMatchObject({ passed: 10 })
    await waitUntil('it stands by', () => frozen.stats().state === 'standby')
  })
})

describe('moving the cursor', () => {
  test('seek while it runs: it goes on from there', async () => {
    const hub = hubOn()
    await store(hub, 10)
    const { seen, handle } = recorder()
    const consumer = hub.consume('billing', { ...FAST, types: [Meter] }, handle)
    await waitUntil('the end', () => consumer.stats().handled === 10)
    await hub.consumers.seek('billing', 'beginning')
    await waitUntil('again', () => consumer.stats().handled === 20)
    expect(seen).toEqual([...upTo(10), ...upTo(10)])
    await consumer.close()
    await hub.consumers.seek('billing', 'now')
    expect((await hub.consumers.get('billing'))?.lag.messages).toBe(0)
  })

  test('seek while a batch is under way: the batch does not move it back', async () => {
    const hub = hubOn()
    await store(hub, 10)
    const seen: number[][] = []
    let sought = false
    hub.consume('billing', { ...FAST, types: [Meter], maxBatch: 5 }, async ({ messages }) => {
      seen.push(energies(messages) as number[])
      if (sought) return
      sought = true
      // As another process does it: nobody tells this one.
      await hub.storage.consumers.seek('billing', await hub.storage.log.end([Meter]), Date.now())
    })
    await waitUntil('the first', () => seen.length === 1)
    await store(hub, 1, 10)
    await waitUntil('the next', () => seen.length === 2)
    expect(seen).toEqual([upTo(5), [10]])
  })

  test('invariant 5: what was deleted before it was read is a gap, counted and said', async () => {
    const hub = hubOn(memoryStorage({ maxMessages: 20 }))
    await store(hub, 5)
    const gaps: number[] = []
    const options = { ...FAST, types: [Meter], onGap: ({ missed }: { missed: number }) => gaps.push(missed) }
    const first = hub.consume('billing', options, () => {})
    await waitUntil('the first', () => first.stats().handled === 5)
    await first.close()
    await store(hub, 50, 5)
    const { seen, handle } = recorder()
    const again = hub.consume('billing', options, handle)
    await waitUntil('the rest', () => seen.length === 20)
    expect(gaps).toEqual([30])
    expect(again.stats().missed).toBe(30)
    expect(seen).toEqual(upTo(20, 35))
  })

  test('a consumer is deleted only when nobody runs it', async () => {
    const hub = hubOn()
    const consumer = hub.consume('billing', FAST, () => {})
    await waitUntil('it runs', () => consumer.stats().state === 'running')
    await expect(hub.consumers.delete('billing')).rejects.toMatchObject({ code: 'invalid_options' })
    await consumer.close()
    expect(await hub.consumers.delete('billing')).toBe(true)
    expect(await hub.consumers.delete('billing')).toBe(false)
    expect(await hub.consumers.get('billing')).toBeNull()
  })
})

describe('bad input', () => {
  const refused = (call: () => unknown): DeviceHubError['code'] | null => {
    try {
      call()
      return null
    } catch (error) {
      return (error as DeviceHubError).code
    }
  }

  test.each(['', ' ', 'a b', 'a/b', '../x', 'ä', '.a', 'x'.repeat(65), "a';--", 'a\0', '\u202e'])(
    'the name %j is refused',
    async (name) => {
      const hub = hubOn()
      expect(refused(() => hub.consume(name, {}, () => {}))).toBe('invalid_options')
      await expect(hub.consumers.get(name)).rejects.toMatchObject({ code: 'invalid_options' })
    },
  )

  test('options that cannot work are refused at once', () => {
    const hub = hubOn()
    const Other = defineDeviceType('other', {})
    for (const options of [
      { maxBatch: 0 },
      { maxBatch: 1.5 },
      { lease: 0.1 },
      { timeout: 0 },
      { channels: ['nope' as never] },
      { from: new Date('never') },
      { retry: { tries: 0 } },
      { retry: { min: 10, max: 1 } },
      { types: [] },
    ])
      expect(
        refused(() => hub.consume('x', options, () => {})),
        JSON.stringify(options),
      ).toBe('invalid_options')
    expect(refused(() => hub.consume('x', { types: [Other] }, () => {}))).toBe('unknown_type')
    hub.consume('x', {}, () => {})
    expect(refused(() => hub.consume('x', {}, () => {}))).toBe('invalid_options')
  })

  test('an unknown consumer is a typed error', async () => {
    const { consumers } = hubOn()
    for (const call of [
      () => consumers.seek('nobody', 'now'),
      () => consumers.failures('nobody'),
      () => consumers.retry('nobody'),
    ])
      await expect(call()).rejects.toMatchObject({ code: 'consumer_not_found' })
  })
})
