import { describe, expect, onTestFinished, test } from 'vitest'
import {
  createDeviceHub,
  createRetention,
  defineDeviceType,
  memoryStorage,
  type RetentionOptions,
  reading,
  type Storage,
  type StorageAdapter,
  silentLogger,
} from '../index.js'

const Station = defineDeviceType('station', {
  unknownDevice: 'register',
  readings: { level: reading.float() },
  retention: { readings: '1d', messages: '1d' },
})
const T0 = Date.UTC(2026, 0, 5)
const DAY = 86_400_000
const closeLater = <T extends AsyncDisposable>(one: T): T => {
  onTestFinished(() => one[Symbol.asyncDispose]())
  return one
}

function world(storage: StorageAdapter = memoryStorage()) {
  const clock = { time: T0, now: () => clock.time }
  const hub = closeLater(createDeviceHub({ types: [Station], storage, clock, logger: silentLogger }))
  const retain = (options: RetentionOptions = {}) => closeLater(createRetention(hub, options))
  const send = (level: number, topic = 'things/station/a/data') =>
    hub.ingest([{ topic, payload: new TextEncoder().encode(JSON.stringify({ level })), source: 'test' }])
  const kept = async () => (await hub.readings.list(Station)).items.map(({ readings }) => readings.level)
  return { clock, hub, retain, send, kept }
}

/** With some of its functions replaced. */
const changed = (change: (storage: Storage) => Partial<Storage>): StorageAdapter => {
  const memory = memoryStorage()
  return {
    name: 'changed',
    open: (context) => {
      const storage = memory.open(context)
      return { ...storage, ...change(storage) }
    },
  }
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    if (tries > 1_000) throw new Error(`never: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

describe('retention', () => {
  test('deletes at its start and again, by the clock of the hub', async () => {
    const { clock, retain, send, kept } = world()
    await send(1)
    clock.time += DAY + 1
    await send(2)
    const retention = retain()
    await until('the first run', () => retention.stats().runs === 1)
    expect(await kept()).toEqual([2])
    expect(retention.stats()).toMatchObject({ state: 'waiting', readings: 1, messages: 1, failures: 0 })
    expect(retention.stats().lastRunAt).toEqual(new Date(clock.time))
    clock.time += DAY + 1
    expect(await retention.run()).toEqual({ readings: 1, messages: 1 })
    expect(await kept()).toEqual([])
  })

  test('runs again after `every` without being asked', async () => {
    const { clock, retain, send, kept } = world()
    const retention = retain({ every: '1s' })
    await until('the first run', () => retention.stats().runs === 1)
    await send(1)
    clock.time += DAY + 1
    await until('the next run', () => retention.stats().runs === 2)
    expect(await kept()).toEqual([])
  })

  test('deletes messages of no type only when asked to', async () => {
    const { clock, hub, retain, send } = world()
    await send(1, 'things/nothing/a/data')
    clock.time += 40 * DAY
    const first = retain()
    await first.run()
    expect((await hub.messages.list(null)).items).toHaveLength(1)
    await first.close()
    expect(await retain({ unrouted: '30d' }).run()).toMatchObject({ messages: 0 })
    expect((await hub.messages.list(null)).items).toHaveLength(0)
  })

  test('one process does it at a time; another one takes over when it closes', async () => {
    const storage = memoryStorage()
    const { retain, hub } = world(storage)
    const first = retain()
    await until('the first run', () => first.stats().runs === 1)
    const second = retain({ lease: '1s' })
    await until('it waits', () => second.stats().state === 'standby')
    expect(await second.run()).toEqual({ readings: 0, messages: 0 })
    expect(second.stats().runs).toBe(0)
    await first.close()
    await until('the takeover', () => second.stats().runs > 0)
    expect((await hub.storage.leases.find(['retention']))[0]?.holder).not.toBe('')
  })

  test('close stops a run after its present step and gives the lease back', async () => {
    let steps = 0
    const { hub, retain } = world(
      changed(() => ({
        async applyRetention(_now, { pause } = {}) {
          do steps++
          while (await pause?.(60_000))
          return { readings: steps, messages: 0 }
        },
      })),
    )
    const retention = retain()
    await until('a step', () => steps === 1)
    // It pauses for a minute, half of the time being for others.
    expect(retention.stats().state).toBe('running')
    await retention.close()
    expect(steps).toBe(1)
    expect(retention.stats()).toMatchObject({ state: 'closed', runs: 0, readings: 1 })
    expect((await hub.storage.leases.find(['retention']))[0]?.holder ?? null).toBe(null)
    await expect(retention.run()).rejects.toMatchObject({ code: 'closed' })
  })

  test('a run that fails is counted and does not end it', async () => {
    let broken = true
    const { retain } = world(
      changed((storage) => ({
        applyRetention: async (now, request) => {
          if (broken) throw new Error('no')
          return storage.applyRetention(now, request)
        },
      })),
    )
    const retention = retain({ every: '1s' })
    await until('a failure', () => retention.stats().failures === 1)
    expect(retention.stats()).toMatchObject({ state: 'retrying', runs: 0 })
    broken = false
    await until('a run', () => retention.stats().runs === 1)
  })

  test.each([
    [{ every: 0.5 }, 'every'],
    [{ share: 0 }, 'share'],
    [{ unrouted: '0s' }, 'unrouted'],
    [{ evry: '1h' }, 'evry'],
  ])('refuses %j', (options, key) => {
    const { hub } = world()
    expect(() => createRetention(hub, options as RetentionOptions)).toThrow(key)
  })
})
