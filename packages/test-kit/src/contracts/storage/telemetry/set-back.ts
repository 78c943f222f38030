import type { DeviceChange } from '@devicehub/core/storage'
import { describe, expect, test } from 'vitest'
import {
  batch,
  change,
  deviceOf,
  entry,
  Meter,
  newDevice,
  newId,
  readingOf,
  Sensor,
  sample,
  T0,
} from '../fixtures.js'
import { freshStorage, type StorageContract, sharedStorage } from '../harness.js'
import { brief, to } from './change-fixtures.js'
import { lastOf } from './latest-fixtures.js'

const HOUR = 3_600_000

export function setBackContract(contract: StorageContract): void {
  describe('times of a clock that was ahead', () => {
    const shared = sharedStorage(contract)
    const apply = (...changes: DeviceChange[]) => shared.storage.commit(batch([], { changes }))
    const ahead = { status: 'online', statusAt: T0 + 30_000, lastSeen: T0 + 30_000 } as const

    test('news that came in just now counts, and its times take their place', async () => {
      const { storage, other } = shared
      const deviceId = await newDevice(storage, Sensor, ahead)
      const late = change(Sensor, deviceId, T0, { batteryLevel: 7, ...to('error') })
      expect((await apply(late)).transitions).toEqual([])
      const result = await apply({ ...late, liveAt: T0 + 5 })
      expect(result.transitions.map(brief)).toEqual([[deviceId, 'online', 'error', 0]])
      const row = { status: 'error', batteryLevel: 7, statusAt: T0, lastSeen: T0 + 5 }
      expect(result.devices[0]?.live).toMatchObject(row)
      expect(await deviceOf(other, Sensor, deviceId)).toMatchObject(row)
      // Within a batch too, and what is late beside it stays late.
      const mixed = await apply(
        change(Sensor, deviceId, T0 + 90, { liveAt: T0 + 90, ...to('online') }),
        change(Sensor, deviceId, T0 + 50, { liveAt: T0 + 95, ...to('maintenance') }),
        change(Sensor, deviceId, T0 + 49, to('low_battery')),
      )
      expect(mixed.transitions.map(brief)).toEqual([
        [deviceId, 'error', 'online', 90],
        [deviceId, 'online', 'maintenance', 50],
      ])
    })

    test('a touch does not set last_seen back, and a change with a last_seen of its own keeps that', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor, ahead)
      await storage.commit(batch([], { touches: [{ type: Sensor, deviceId, lastSeen: T0 }] }))
      expect(await deviceOf(storage, Sensor, deviceId)).toMatchObject({ lastSeen: T0 + 30_000 })
      await apply(change(Sensor, deviceId, T0, { liveAt: T0, lastSeen: T0 + 9 }))
      expect(await deviceOf(storage, Sensor, deviceId)).toMatchObject({ lastSeen: T0 + 9 })
    })

    test('a live report dated before the last counts when that was ahead, and this one is not', async () => {
      const { storage } = shared
      const said = (deviceId: string, claimedAt: number) =>
        apply(change(Sensor, deviceId, T0, { liveAt: T0, claimedAt, ...to('error') }))
      const device = (statusClaimedAt: number) =>
        newDevice(storage, Sensor, { status: 'online', statusAt: T0 - 9, statusClaimedAt })
      // It was fast, and was set right.
      expect((await said(await device(T0 + 60_000), T0)).transitions).toHaveLength(1)
      // It is fast, and says what it had kept.
      expect((await said(await device(T0 + 60_000), T0 + 59_999)).transitions).toEqual([])
      expect((await said(await device(T0), T0 - 1)).transitions).toEqual([])
    })

    test('of rows become now, those after the limit alone, and nothing else of them', async () => {
      await using opened = await freshStorage(contract)
      const { storage } = opened
      const kept = {
        status: 'error',
        batteryLevel: 3,
        sessionAt: T0 + HOUR,
        statusClaimedAt: T0 + HOUR,
      } as const
      const times = [
        [T0 + HOUR, T0 + HOUR, T0, T0],
        [T0 + HOUR, T0 - 5, T0, T0 - 5],
        [T0 - 5, T0 + 101, T0 - 5, T0],
        [T0 + 100, T0 + 100, T0 + 100, T0 + 100],
        [null, null, null, null],
      ] as const
      const ids = []
      for (const [lastSeen, statusAt] of times)
        ids.push(await newDevice(storage, Sensor, { ...kept, lastSeen, statusAt }))
      const other = await newDevice(storage, Meter, { lastSeen: T0 + HOUR })
      const before = await Promise.all(ids.map((id) => deviceOf(storage, Sensor, id)))
      expect(await storage.devices.setBack(Sensor, { after: T0 + 100, now: T0 })).toBe(3)
      for (const [index, [, , lastSeen, statusAt]] of times.entries())
        expect(await deviceOf(storage, Sensor, ids[index] ?? '')).toEqual({
          ...before[index],
          lastSeen,
          statusAt,
        })
      expect(await deviceOf(storage, Meter, other)).toMatchObject({ lastSeen: T0 + HOUR })
      expect(await storage.devices.setBack(Sensor, { after: T0 + 100, now: T0 })).toBe(0)
    })

    test('of many rows at once, while their devices send', async () => {
      const { storage, other } = shared
      const ids = await Promise.all(
        Array.from({ length: 60 }, () => newDevice(storage, Meter, { lastSeen: T0 + HOUR })),
      )
      const send = (deviceId: string) =>
        other.commit(
          batch([entry(Meter, deviceId, [sample(Meter, deviceId, T0, { total: 1 })])], {
            changes: [change(Meter, deviceId, T0 + 1, { liveAt: T0 + 1 })],
          }),
        )
      await Promise.all([storage.devices.setBack(Meter, { after: T0 + 100, now: T0 }), ...ids.map(send)])
      for (const id of ids) expect((await deviceOf(storage, Meter, id)).lastSeen).toBe(T0 + 1)
    })

    test('a last value of a time that cannot be true yet gives way, reading by reading', async () => {
      const { storage, other } = shared
      const d = await newDevice(storage, Meter)
      const commit = (offset: number, values: Record<string, number>, limit?: number) =>
        storage.commit(
          batch([
            {
              ...entry(Meter, d, [sample(Meter, d, T0 + offset, values)]),
              ...(limit !== undefined && { orderLimit: T0 + limit }),
            },
          ]),
        )
      await commit(HOUR, { temperature: 1 })
      await commit(50, { total: 1 })
      // Without a limit, and up to it, the later time stays.
      await commit(60, { temperature: 2, total: 2 })
      await commit(61, { temperature: 3 }, HOUR)
      expect(await lastOf(storage, Meter, d)).toEqual({ temperature: [1, HOUR], total: [2, 60] })
      await commit(55, { temperature: 4, total: 4 }, HOUR - 1)
      expect(await lastOf(other, Meter, d)).toEqual({ temperature: [4, 55], total: [2, 60] })
      const [row] = await storage.readings.latest(Meter, [d])
      expect(row?.orderAt).toBe(T0 + 55)
      const [last] = await storage.readings.latestSamples(Meter, [d])
      expect(last && readingOf(Meter, last, 'temperature')).toBe(4)
    })

    test('the same within a batch, of several devices and entries', async () => {
      const { storage } = shared
      const [a, b] = [newId(), newId()]
      const ofDevice = (id: string, offset: number, total: number) => ({
        ...entry(Meter, id, [sample(Meter, id, T0 + offset, { total })]),
        orderLimit: T0 + 60_000,
      })
      await storage.commit(
        batch([ofDevice(a, HOUR, 1), ofDevice(b, 50, 1), ofDevice(a, 10, 2), ofDevice(b, 40, 2)]),
      )
      expect(await lastOf(storage, Meter, a)).toEqual({ total: [2, 10] })
      expect(await lastOf(storage, Meter, b)).toEqual({ total: [1, 50] })
    })
  })
}
