import { describe, expect, test } from 'vitest'
import { DeviceHubError, memoryStorage, type StorageAdapter } from '../index.js'
import { clock, hubOn, monitorOf, pass, send, T0 } from './testing/presence-world.js'

describe('an outage of the hub', () => {
  test('at the start nobody is missed until a full limit was listened to', async () => {
    const memory = memoryStorage()
    const { hub } = hubOn(memory)
    await send(hub, 'a', { level: 1 })
    clock.time += 3_600_000
    const monitor = monitorOf(hub)
    expect(await monitor.sweep()).toBe(0)
    expect(await pass(25, monitor)).toBe(0)
    expect(monitor.stats().watchingSince).toEqual(new Date(T0 + 3_600_000))
    expect(await pass(5, monitor)).toBe(1)
  })

  test('a process that did not run for a while begins anew', async () => {
    const { hub } = hubOn()
    const monitor = monitorOf(hub)
    await monitor.sweep()
    await pass(30, monitor)
    await send(hub, 'a', { level: 1 })
    clock.time += 3_600_000
    expect(await monitor.sweep()).toBe(0)
    expect(await pass(25, monitor)).toBe(0)
    expect(await pass(5, monitor)).toBe(1)
  })

  test('while it does not listen nobody is missed, and then only after a full limit', async () => {
    const { hub } = hubOn()
    let listening = true
    const monitor = monitorOf(hub, { isListening: () => listening })
    await monitor.sweep()
    await send(hub, 'a', { level: 1 })
    await pass(20, monitor)
    listening = false
    expect(await pass(60, monitor)).toBe(0)
    expect(monitor.stats()).toMatchObject({ state: 'not_listening', watchingSince: null })
    listening = true
    expect(await monitor.sweep()).toBe(0)
    expect(await pass(25, monitor)).toBe(0)
    expect(await pass(5, monitor)).toBe(1)
  })

  test('a database that is away is no silence', async () => {
    const memory = memoryStorage()
    let away = false
    const storage: StorageAdapter = {
      name: 'away',
      open(context) {
        const inner = memory.open(context)
        const unlessAway = <A extends unknown[], R>(call: (...args: A) => Promise<R>) => {
          return async (...args: A): Promise<R> => {
            if (away) throw new DeviceHubError('storage_unavailable', 'away')
            return call(...args)
          }
        }
        return {
          ...inner,
          devices: { ...inner.devices, overdue: unlessAway(inner.devices.overdue) },
          leases: { ...inner.leases, renew: unlessAway(inner.leases.renew) },
        }
      },
    }
    const { hub } = hubOn(storage)
    const monitor = monitorOf(hub)
    await monitor.sweep()
    await pass(40, monitor)
    await send(hub, 'a', { level: 1 })
    away = true
    for (let n = 0; n < 6; n++) {
      clock.time += 10_000
      await expect(monitor.sweep()).rejects.toMatchObject({ code: 'storage_unavailable' })
    }
    expect(monitor.stats()).toMatchObject({ state: 'retrying', failures: 6 })
    away = false
    expect(await monitor.sweep()).toBe(0)
    expect(await pass(25, monitor)).toBe(0)
    expect(await pass(5, monitor)).toBe(1)
  })

  test('a clock that steps back begins anew', async () => {
    const { hub } = hubOn()
    const monitor = monitorOf(hub)
    await monitor.sweep()
    clock.time += 5_000
    await monitor.sweep()
    clock.time -= 60_000
    await monitor.sweep()
    expect(monitor.stats().watchingSince).toEqual(new Date(clock.time))
  })
})
