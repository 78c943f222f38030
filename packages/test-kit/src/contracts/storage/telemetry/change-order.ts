import type { DeviceStatus } from '@devicehub/core'
import type { DeviceChange } from '@devicehub/core/storage'
import { describe, expect, test } from 'vitest'
import { batch, change, deviceOf, newDevice, Sensor, T0 } from '../fixtures.js'
import { type StorageContract, sharedStorage } from '../harness.js'
import { brief, to } from './change-fixtures.js'

export function changeOrderContract(contract: StorageContract): void {
  describe('the order of changes', () => {
    const shared = sharedStorage(contract)
    const apply = (...changes: DeviceChange[]) => shared.storage.commit(batch([], { changes }))

    test('invariant 4: late news moves nothing but last_seen, in a later batch and within one', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      await apply(
        change(Sensor, deviceId, T0 + 100, { batteryLevel: 50, firmwareVersion: '2', ...to('online') }),
      )
      const late = change(Sensor, deviceId, T0 + 99, {
        lastSeen: T0 + 500,
        batteryLevel: 90,
        firmwareVersion: '1',
        ...to('error'),
      })
      expect((await apply(late)).transitions).toEqual([])
      const kept = { status: 'online', statusAt: T0 + 100, batteryLevel: 50, firmwareVersion: '2' }
      expect(await deviceOf(storage, Sensor, deviceId)).toMatchObject({ ...kept, lastSeen: T0 + 500 })

      const result = await apply(
        change(Sensor, deviceId, T0 + 300, to('maintenance')),
        change(Sensor, deviceId, T0 + 200, { batteryLevel: 1, ...to('error') }),
      )
      expect(result.transitions.map(brief)).toEqual([[deviceId, 'online', 'maintenance', 300]])
      expect(await deviceOf(storage, Sensor, deviceId)).toMatchObject({
        status: 'maintenance',
        statusAt: T0 + 300,
        batteryLevel: 50,
        lastSeen: T0 + 500,
      })
    })

    test('invariant 4: a report that the device dates before its last one moves nothing but last_seen', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      const said = (at: number, claimedAt: number, status: DeviceStatus, more: Partial<DeviceChange> = {}) =>
        change(Sensor, deviceId, T0 + at, { claimedAt: T0 - 900_000 + claimedAt, ...to(status), ...more })
      await apply(said(1, 100, 'error', { batteryLevel: 40 }))
      const late = said(2, 99, 'online', { batteryLevel: 90, firmwareVersion: '1' })
      expect((await apply(late)).transitions).toEqual([])
      const kept = {
        status: 'error',
        batteryLevel: 40,
        firmwareVersion: null,
        statusAt: T0 + 1,
        lastSeen: T0 + 2,
      }
      expect(await deviceOf(storage, Sensor, deviceId)).toMatchObject({
        ...kept,
        statusClaimedAt: T0 - 900_000 + 100,
      })
      const batch = await apply(said(4, 102, 'maintenance'), said(5, 101, 'online'))
      expect(batch.transitions.map(brief)).toEqual([[deviceId, 'error', 'maintenance', 4]])
      expect((await apply(said(6, 102, 'online'))).transitions.map(brief)).toEqual([
        [deviceId, 'maintenance', 'online', 6],
      ])
    })

    test('a device’s time and the hub’s are never compared: news without a time goes by arrival', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      await apply(change(Sensor, deviceId, T0, { claimedAt: T0 + 900_000, ...to('online') }))
      expect((await apply(change(Sensor, deviceId, T0 + 1, to('maintenance')))).transitions).toHaveLength(1)
      const wake = change(Sensor, deviceId, T0 + 2, { claimedAt: T0 - 900_000, ...to('online', ['offline']) })
      expect((await apply(wake)).transitions).toEqual([])
      // Gone, and back with another clock.
      expect((await apply(change(Sensor, deviceId, T0 + 3, to('offline')))).transitions).toHaveLength(1)
      expect(await deviceOf(storage, Sensor, deviceId)).toMatchObject({ statusClaimedAt: null })
      const back = change(Sensor, deviceId, T0 + 4, { claimedAt: T0 - 900_000, ...to('error') })
      expect((await apply(back)).transitions).toHaveLength(1)
      expect(await deviceOf(storage, Sensor, deviceId)).toMatchObject({
        status: 'error',
        statusAt: T0 + 4,
        statusClaimedAt: T0 - 900_000,
      })
    })

    test('what a device dates before its own `offline` is old, that it sends is not: it wakes', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      await apply(change(Sensor, deviceId, T0, { claimedAt: T0, ...to('offline') }))
      const late = { claimedAt: T0 - 5, batteryLevel: 9 }
      const wake = change(Sensor, deviceId, T0 + 1, { ...late, ...to('online', ['offline']) })
      expect((await apply(wake)).transitions.map(brief)).toEqual([[deviceId, 'offline', 'online', 1]])
      expect(await deviceOf(storage, Sensor, deviceId)).toMatchObject({
        batteryLevel: null,
        statusAt: T0 + 1,
        statusClaimedAt: T0,
      })
      const early = change(Sensor, deviceId, T0 - 1, to('offline'))
      expect((await apply(early)).transitions).toEqual([])
    })

    test('news of the same time counts: the later arrival wins', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      await apply(change(Sensor, deviceId, T0, to('online')))
      expect((await apply(change(Sensor, deviceId, T0, to('error')))).transitions).toHaveLength(1)
      expect(await deviceOf(storage, Sensor, deviceId)).toMatchObject({ status: 'error', statusAt: T0 })
    })
  })
}
