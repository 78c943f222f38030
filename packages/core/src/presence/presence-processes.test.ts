import { describe, expect, test } from 'vitest'
import {
  createPresenceMonitor,
  DeviceHubError,
  memoryStorage,
  type PresenceOptions,
  type Storage,
  type StorageAdapter,
} from '../index.js'
import type { CommitBatch } from '../storage.js'
import {
  clock,
  closeLater,
  hubOn,
  hubRows,
  monitorOf,
  pass,
  send,
  statusOf,
  T0,
  waitUntil,
} from './testing/presence-world.js'

describe('two monitors', () => {
  test('one watches; after it is closed the other goes on where it was', async () => {
    const { hub, announced } = hubOn()
    const first = monitorOf(hub)
    await first.sweep()
    const second = monitorOf(hub)
    expect(await second.sweep()).toBe(0)
    expect(second.stats().state).toBe('standby')
    await send(hub, 'a', { level: 1 })
    await send(hub, 'b', { level: 1 })
    announced.length = 0
    await pass(20, first, second)
    await send(hub, 'b', { level: 1 })
    announced.length = 0
    expect(await pass(10, first, second)).toBe(1)
    await first.close()
    // No new grace: the watch is the same.
    expect(await pass(15, second)).toBe(0)
    expect(await pass(5, second)).toBe(1)
    expect(second.stats().watchingSince).toEqual(new Date(T0))
    expect(announced.map(({ deviceId }) => deviceId)).toEqual(['a', 'a', 'b', 'b'])
  })

  test('one that does not listen gives way', async () => {
    const { hub } = hubOn()
    let listening = true
    const first = monitorOf(hub, { isListening: () => listening })
    await first.sweep()
    const second = monitorOf(hub)
    await second.sweep()
    expect(second.stats().state).toBe('standby')
    listening = false
    await first.sweep()
    await second.sweep()
    expect([first.stats().state, second.stats().state]).toEqual(['not_listening', 'watching'])
  })

  test('a sweep whose lease was taken over changes nothing', async () => {
    const memory = memoryStorage()
    let takeOver: (() => Promise<unknown>) | null = null
    const storage: StorageAdapter = {
      name: 'slow',
      open(context) {
        const inner = memory.open(context)
        const overdue: Storage['devices']['overdue'] = async (type, query) => {
          const page = await inner.devices.overdue(type, query)
          await takeOver?.()
          return page
        }
        return { ...inner, devices: { ...inner.devices, overdue } }
      },
    }
    const { hub, announced } = hubOn(storage)
    const monitor = monitorOf(hub)
    await monitor.sweep()
    await send(hub, 'a', { level: 1 })
    await pass(25, monitor)
    announced.length = 0
    clock.time += 5_000
    takeOver = async () => {
      const [state] = await hub.storage.leases.find(['presence'])
      await hub.storage.leases.acquire('presence', state?.holder ?? '', 60_000)
    }
    await expect(monitor.sweep()).rejects.toMatchObject({ code: 'fenced' })
    expect(await statusOf(hub, 'a')).toBe('online')
    expect(announced).toEqual([])
  })

  test('a commit whose answer was lost is told all the same, once', async () => {
    const memory = memoryStorage()
    let lose = true
    const storage: StorageAdapter = {
      name: 'lossy',
      open(context) {
        const inner = memory.open(context)
        return {
          ...inner,
          async commit(batch: CommitBatch) {
            const result = await inner.commit(batch)
            if (!lose || !batch.changes.some(({ audit }) => audit)) return result
            lose = false
            throw new DeviceHubError('storage_unavailable', 'the connection broke')
          },
        }
      },
    }
    const { hub, announced } = hubOn(storage)
    const monitor = monitorOf(hub)
    await monitor.sweep()
    await send(hub, 'a', { level: 1 })
    announced.length = 0
    expect(await pass(30, monitor)).toBe(1)
    expect(announced.map(({ name }) => name)).toEqual(['deviceStatusChanged', 'deviceDisconnected'])
    expect(announced[0]?.event).toMatchObject({ oldStatus: 'online', newStatus: 'offline' })
    expect(await hubRows(hub, 'a')).toHaveLength(1)
  })
})

describe('the monitor', () => {
  test('sweeps by itself', async () => {
    const { hub } = hubOn()
    const monitor = createPresenceMonitor(hub, { every: 0.02, lease: 1 })
    closeLater(monitor)
    await waitUntil('sweeps', () => monitor.stats().sweeps >= 3)
  })

  test('invariant 9: closed it gives the lease back and does no more', async () => {
    const { hub } = hubOn()
    const monitor = monitorOf(hub)
    await monitor.sweep()
    await monitor.close()
    expect(monitor.stats().state).toBe('closed')
    expect((await hub.storage.leases.find(['presence']))[0]?.holder).toBeNull()
    await expect(monitor.sweep()).rejects.toMatchObject({ code: 'closed' })
    await monitor.close()
  })

  test('ends with the hub that is closed before it', async () => {
    const { hub } = hubOn()
    const monitor = createPresenceMonitor(hub, { every: 0.01, lease: 1 })
    await monitor.sweep()
    await hub.close()
    expect(monitor.stats()).toMatchObject({ state: 'closed', failures: 0 })
  })

  test.each<[string, PresenceOptions]>([
    ['multiplier', { multiplier: 1 }],
    ['every', { every: 11 }],
    ['every', { every: 0 }],
    ['lease', { lease: Number.NaN }],
  ])('refuses %s in %o', (name, options) => {
    const { hub } = hubOn()
    expect(() => createPresenceMonitor(hub, options)).toThrow(
      expect.objectContaining({ code: 'invalid_options', message: expect.stringContaining(name) }),
    )
  })
})
