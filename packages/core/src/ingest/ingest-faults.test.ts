import { describe, expect, test } from 'vitest'
import { createDeviceHub } from '../hub/create-device-hub.js'
import type { DeviceHubOptions } from '../hub/device-hub-options.js'
import { memoryStorage } from '../memory/memory-storage.js'
import { defineDeviceType } from '../model/device-type/define-device-type.js'
import { reading } from '../model/device-type/reading.js'
import { DeviceHubError } from '../model/errors.js'
import { silentLogger } from '../ports/logger.js'
import type { SignalEvents, SignalName, SignalSink } from '../ports/signals.js'
import type { CommitBatch, Storage, StorageAdapter } from '../ports/storage.js'
import type { IngestOutcome } from './ingest.js'

/** The reference storage with a tap on its commits, so that a test decides when and whether they work. */
function tapped(
  onCommit: (batch: CommitBatch, commit: Storage['commit']) => ReturnType<Storage['commit']>,
): StorageAdapter {
  return {
    name: 'tapped',
    open(context) {
      const storage = memoryStorage().open(context)
      return { ...storage, commit: (batch) => onCommit(batch, (b) => storage.commit(b)) }
    },
  }
}

async function makeHub(storage: StorageAdapter, options: Partial<DeviceHubOptions<SignalSink>> = {}) {
  const events: [SignalName, unknown][] = []
  const signals: SignalSink = {
    emit: <Name extends SignalName>(name: Name, event: SignalEvents[Name]) => void events.push([name, event]),
    hasSubscribers: () => true,
  }
  const Station = defineDeviceType('station', {
    readings: { temperature: reading.float() },
    hooks: {
      onData({ readings }) {
        if (readings.temperature === 666) throw new Error('thrown by the hook')
        if (readings.temperature === 777) return new Promise(() => {})
        return undefined
      },
    },
  })
  const hub = createDeviceHub({ types: [Station], storage, signals, logger: silentLogger, ...options })
  await hub.devices.create(Station, { deviceId: 's1' })
  const message = (temperature: number, extra = '') => ({
    topic: 'things/station/s1/data',
    payload: Buffer.from(`{"temperature":${temperature}${extra}}`),
    source: 'test',
    qos: 1 as const,
  })
  return { hub, Station, message, events }
}

const settles = (outcomes: IngestOutcome[]) => (outcome: IngestOutcome) => void outcomes.push(outcome)
const until = async (condition: () => boolean) => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2))
}
const away = () => new DeviceHubError('storage_unavailable', 'the database is away')

test('invariant 9: a hub closes in the time it is given, though the database hangs and a transport does not stop', async () => {
  const { hub, message } = await makeHub(tapped(() => new Promise(() => {})))
  const outcomes: IngestOutcome[] = []
  hub.ingest.push(message(1), settles(outcomes))
  await until(() => hub.stats().ingest.queued === 1)
  const stopped: string[] = []
  const never = new Promise<void>(() => {})
  hub.attach({
    name: 'hangs',
    start: () => never,
    stop: () => {
      stopped.push('hangs')
      return never
    },
    publish: () => never,
  })
  hub.attach({
    name: 'throws',
    start: () => never,
    stop: () => {
      stopped.push('throws')
      return Promise.reject(new Error('no'))
    },
    publish: () => never,
  })
  await hub.close({ timeout: '50ms' })
  expect(stopped).toEqual(['hangs', 'throws'])
})

describe('invariant 1: acknowledged means committed', () => {
  test('invariant 1: nothing is settled before its commit', async () => {
    let release: () => void = () => {}
    const held = new Promise<void>((resolve) => (release = resolve))
    const { hub, message } = await makeHub(tapped((batch, commit) => held.then(() => commit(batch))))
    const outcomes: IngestOutcome[] = []
    hub.ingest.push(message(1), settles(outcomes))
    await until(() => hub.stats().ingest.queued === 1)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(outcomes).toEqual([])
    release()
    await until(() => outcomes.length === 1)
    expect(outcomes).toMatchObject([{ status: 'stored' }])
  })

  test('invariant 1: a database that is away holds the message back until it is there again', async () => {
    let failures = 3
    const { hub, message } = await makeHub(
      tapped((batch, commit) => (failures-- > 0 ? Promise.reject(away()) : commit(batch))),
    )
    expect(await hub.ingest([message(1)])).toMatchObject([{ status: 'stored' }])
    expect(hub.stats().ingest.retries).toBe(3)
  })

  test('invariants 1 and 9: a hub that closes while the database is away hands the message back uncommitted', async () => {
    const { hub, message } = await makeHub(tapped(() => Promise.reject(away())))
    const outcomes: IngestOutcome[] = []
    hub.ingest.push(message(1), settles(outcomes))
    await until(() => hub.stats().ingest.retries > 0)
    await hub.close({ timeout: '50ms' })
    expect(outcomes).toMatchObject([{ status: 'failed', error: { code: 'closed' } }])
    await expect(hub.ingest([message(2)])).rejects.toMatchObject({ code: 'closed' })
  })

  test('invariant 9: closing commits what was taken', async () => {
    const { hub, message } = await makeHub(memoryStorage())
    const outcomes: IngestOutcome[] = []
    for (let n = 0; n < 5000; n++) hub.ingest.push(message(n), settles(outcomes))
    await hub.close()
    expect(outcomes.filter(({ status }) => status === 'stored')).toHaveLength(5000)
  })

  test('invariant 9: a commit that hangs does not keep close from returning', async () => {
    const { hub, message } = await makeHub(tapped(() => new Promise(() => {})))
    const outcomes: IngestOutcome[] = []
    hub.ingest.push(message(1), settles(outcomes))
    await until(() => hub.stats().ingest.queued === 1)
    await hub.close({ timeout: '50ms' })
    expect(outcomes.filter(({ status }) => status !== 'failed')).toEqual([])
  })
})

describe('invariant 3: one bad message never fails another', () => {
  const refuses = (isBad: (batch: CommitBatch) => boolean) =>
    tapped((batch, commit) =>
      isBad(batch) ? Promise.reject(new DeviceHubError('storage_failed', 'value\0 refused')) : commit(batch),
    )

  test('invariant 3: a message that the database refuses is found, recorded and left behind', async () => {
    const { hub, Station, message } = await makeHub(
      refuses(({ entries }) => entries.some(({ samples }) => samples.some(({ values }) => values[0] === 13))),
    )
    const outcomes = await hub.ingest(Array.from({ length: 300 }, (_, n) => message(n)))
    expect(outcomes.filter(({ status }) => status === 'stored')).toHaveLength(299)
    expect(outcomes[13]).toMatchObject({ status: 'rejected', code: 'storage_failed' })
    expect((await hub.readings.list(Station, { limit: 1000 })).items).toHaveLength(299)
    expect((await hub.messages.list(Station, { status: 'rejected' })).items).toMatchObject([
      { code: 'storage_failed', payloadJson: '{"temperature":13}' },
    ])
  })

  test('invariant 3: a payload that no column takes is recorded without it', async () => {
    const { hub, Station, message } = await makeHub(
      refuses(({ entries }) => entries.some(({ message }) => message.payloadJson?.includes('13'))),
    )
    expect((await hub.ingest([message(12), message(13), message(14)])).map(({ status }) => status)).toEqual([
      'stored',
      'rejected',
      'stored',
    ])
    expect((await hub.messages.list(Station, { status: 'rejected' })).items).toMatchObject([
      { code: 'storage_failed', payloadJson: null },
    ])
  })

  test('invariant 3: a row that the table of its type takes in no form is recorded among the messages of no type', async () => {
    const { hub, Station, message } = await makeHub(
      refuses(({ entries }) => entries.some(({ type, message }) => type !== null && message.qos === 2)),
    )
    const bad = { ...message(13), qos: 2 as const }
    const outcomes = await hub.ingest([message(12), bad, message(14), bad, message(15)])
    expect(outcomes.map(({ status }) => status)).toEqual([
      'stored',
      'rejected',
      'stored',
      'rejected',
      'stored',
    ])
    expect((await hub.messages.list(Station)).items).toHaveLength(3)
    expect((await hub.messages.list(null)).items).toMatchObject([
      { code: 'storage_failed', topic: 'things/station/s1/data', payloadJson: null },
      { code: 'storage_failed', topic: 'things/station/s1/data', payloadJson: null },
    ])
    await hub.close()
  })

  test('invariants 1 and 3: a database that takes no row at all is waited for, and nothing is acknowledged', async () => {
    let broken = true
    const { hub, message } = await makeHub(refuses(() => broken))
    const outcomes: IngestOutcome[] = []
    hub.ingest.push(message(1), settles(outcomes))
    await until(() => hub.stats().ingest.retries > 0)
    expect(outcomes).toEqual([])
    broken = false
    await until(() => outcomes.length === 1)
    expect(outcomes).toMatchObject([{ status: 'rejected', code: 'storage_failed' }])
  })

  test('invariant 3: a device that the database refuses to create holds up no other one', async () => {
    const inner = memoryStorage()
    const adapter: StorageAdapter = {
      name: 'refuses a device',
      open(context) {
        const storage = inner.open(context)
        return {
          ...storage,
          devices: {
            ...storage.devices,
            ensure(type, records) {
              if (records.some(({ deviceId }) => deviceId === 'bad'))
                return Promise.reject(new DeviceHubError('storage_failed', 'a trigger refuses it'))
              return storage.devices.ensure(type, records)
            },
          },
        }
      },
    }
    const { hub, message } = await makeHub(adapter, { unknownDevice: 'register' })
    const of = (deviceId: string) => ({ ...message(1), topic: `things/station/${deviceId}/data` })
    const outcomes = await hub.ingest(['a', 'bad', 'b', 'bad', 'c', 's1'].map(of))
    expect(outcomes.map(({ status }) => status)).toEqual([
      'stored',
      'rejected',
      'stored',
      'rejected',
      'stored',
      'stored',
    ])
    expect(outcomes[1]).toMatchObject({ code: 'storage_failed', reason: expect.stringMatching(/trigger/) })
    await hub.close()
  })

  test('invariant 3: what a callback of the caller throws is nobody else’s failure', async () => {
    const { hub, message } = await makeHub(memoryStorage())
    hub.ingest.push(null as never, () => {
      throw new Error('from settle')
    })
    hub.ingest.push(message(1), () => {
      throw new Error('from settle')
    })
    expect(await hub.ingest([message(2)])).toMatchObject([{ status: 'stored' }])
  })
})

describe('invariant 5: memory is bounded', () => {
  test('invariant 5: past the bound the source is held back, and let go when there is room', async () => {
    let release: () => void = () => {}
    const held = new Promise<void>((resolve) => (release = resolve))
    const { hub, message } = await makeHub(
      tapped((batch, commit) => held.then(() => commit(batch))),
      { ingest: { maxQueued: 10, maxBatch: 4 } },
    )
    const outcomes: IngestOutcome[] = []
    const accepted = Array.from({ length: 10 }, (_, n) => hub.ingest.push(message(n), settles(outcomes)))
    expect(accepted).toEqual([...Array(9).fill(true), false])
    let drained = false
    const room = hub.ingest.drained().then(() => (drained = true))
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(drained).toBe(false)
    release()
    await room
    expect(outcomes.length).toBeGreaterThan(0)
  })

  test('invariant 5: ingest() itself never takes more than the bound', async () => {
    let most = 0
    const { hub, message } = await makeHub(
      tapped((batch, commit) => {
        most = Math.max(most, hub.stats().ingest.queued)
        return commit(batch)
      }),
      { ingest: { maxQueued: 50 } },
    )
    await hub.ingest(Array.from({ length: 1000 }, (_, n) => message(n)))
    expect(most).toBeLessThanOrEqual(50)
  })

  test('invariant 5: batches are bounded in count and bytes, and what arrives meanwhile is the next batch', async () => {
    const sizes: number[] = []
    const { hub, message } = await makeHub(
      tapped((batch, commit) => {
        sizes.push(batch.entries.length)
        return commit(batch)
      }),
      { ingest: { maxBatch: 100, maxBatchBytes: 500 } },
    )
    await hub.ingest(Array.from({ length: 30 }, (_, n) => message(n, `,"pad":"${'x'.repeat(80)}"`)))
    expect(Math.max(...sizes)).toBeLessThanOrEqual(5)
    sizes.length = 0
    await hub.ingest(Array.from({ length: 250 }, (_, n) => message(n)))
    expect(sizes.length).toBeLessThan(30)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(100)
  })

  test('invariant 5: the directory forgets devices past its bound', async () => {
    const { hub, Station } = await makeHub(memoryStorage(), {
      unknownDevice: 'register',
      deviceCache: { maxEntries: 100 },
    })
    for (let n = 0; n < 300; n++) {
      await hub.ingest([
        { topic: `things/station/d${n}/data`, payload: Buffer.from('{"temperature":1}'), source: 'test' },
      ])
    }
    expect(hub.stats().devicesCached).toBeLessThanOrEqual(100)
    expect((await hub.devices.list(Station, { limit: 1000 })).items).toHaveLength(301)
  })
})

describe('invariant 6: handlers harm nothing', () => {
  test('invariant 6: a hook that throws or hangs leaves ingest and the other signals alone', async () => {
    const { hub, message, events } = await makeHub(memoryStorage())
    const outcomes = await hub.ingest([message(666), message(777), message(1)])
    expect(outcomes.map(({ status }) => status)).toEqual(['stored', 'stored', 'stored'])
    expect(events.filter(([name]) => name === 'deviceDataReceived')).toHaveLength(3)
  })

  test('signals come after the acknowledgement, with typed values and the new status once', async () => {
    const { hub, message, events } = await makeHub(memoryStorage())
    const order: string[] = []
    await new Promise<void>((resolve) =>
      hub.ingest.push(message(1), () => {
        order.push(`settled with ${events.length} events`)
        resolve()
      }),
    )
    await until(() => events.length === 3)
    expect(order).toEqual(['settled with 0 events'])
    expect(events).toMatchObject([
      ['deviceDataReceived', { device: { deviceId: 's1' }, readings: { temperature: 1 }, flags: [] }],
      ['deviceStatusChanged', { oldStatus: 'offline', newStatus: 'online' }],
      ['deviceConnected', { device: { status: 'online' } }],
    ])
    await hub.ingest([message(2), message(3)])
    expect(events.map(([name]) => name).slice(3)).toEqual(['deviceDataReceived', 'deviceDataReceived'])
  })

  test('a duplicate is not announced', async () => {
    const { hub, message, events } = await makeHub(memoryStorage())
    await hub.ingest([message(1, ',"id":"a"'), message(1, ',"id":"a"')])
    await hub.ingest([message(1, ',"id":"a"')])
    expect(events.filter(([name]) => name === 'deviceDataReceived')).toHaveLength(1)
  })
})

test('two hubs live side by side', async () => {
  const [a, b] = [await makeHub(memoryStorage()), await makeHub(memoryStorage())]
  await a.hub.ingest([a.message(1)])
  expect((await a.hub.readings.list(a.Station)).items).toHaveLength(1)
  expect((await b.hub.readings.list(b.Station)).items).toHaveLength(0)
  await expect(b.hub.devices.get(a.Station, 's1')).rejects.toMatchObject({ code: 'unknown_type' })
})
