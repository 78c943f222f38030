import type { DeviceChange } from '@devicehub/core/storage'
import { describe, expect, test } from 'vitest'
import { batch, change, deviceOf, newDevice, Sensor, T0 } from '../fixtures.js'
import { type StorageContract, sharedStorage } from '../harness.js'

export function sessionContract(contract: StorageContract): void {
  describe('sessions', () => {
    const shared = sharedStorage(contract)

    async function apply(...changes: DeviceChange[]) {
      const { transitions } = await shared.storage.commit(batch([], { changes }))
      return transitions.map(({ to }) => to)
    }
    const begins = (deviceId: string, startedAt: number, at = startedAt) =>
      change(Sensor, deviceId, at, { status: { value: 'online' }, session: { startedAt, ended: false } })
    const ends = (deviceId: string, startedAt: number, at: number, more: Partial<DeviceChange> = {}) =>
      change(Sensor, deviceId, at, {
        status: { value: 'offline' },
        session: { startedAt, ended: true },
        ...more,
      })

    test('the start of a session is stored; its end sets the device offline', async () => {
      const { storage, other } = shared
      const deviceId = await newDevice(storage, Sensor)
      expect(await deviceOf(storage, Sensor, deviceId)).toMatchObject({ sessionAt: null })
      expect(await apply(begins(deviceId, T0 + 1))).toEqual(['online'])
      expect(await deviceOf(other, Sensor, deviceId)).toMatchObject({ sessionAt: T0 + 1, status: 'online' })
      expect(await apply(ends(deviceId, T0 + 1, T0 + 9))).toEqual(['offline'])
      expect(await deviceOf(other, Sensor, deviceId)).toMatchObject({
        sessionAt: T0 + 1,
        status: 'offline',
        statusAt: T0 + 9,
      })
    })

    test('the end of an earlier session changes only last_seen, in a later batch and in the same one', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor, { lastSeen: T0 })
      await apply(begins(deviceId, T0 + 10))
      await apply(begins(deviceId, T0 + 20))
      const late = ends(deviceId, T0 + 10, T0 + 30, { batteryLevel: 5, firmwareVersion: '9' })
      expect(await apply(late)).toEqual([])
      const present = { status: 'online', statusAt: T0 + 20, sessionAt: T0 + 20, lastSeen: T0 + 30 }
      expect(await deviceOf(storage, Sensor, deviceId)).toMatchObject({
        ...present,
        batteryLevel: null,
        firmwareVersion: null,
      })
      expect(await apply(begins(deviceId, T0 + 40), ends(deviceId, T0 + 20, T0 + 50))).toEqual([])
      expect(await deviceOf(storage, Sensor, deviceId)).toMatchObject({
        status: 'online',
        statusAt: T0 + 40,
        sessionAt: T0 + 40,
        lastSeen: T0 + 50,
      })
    })

    test('the start only moves forward, also when starts arrive out of order', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      await apply(begins(deviceId, T0 + 20))
      await apply(begins(deviceId, T0 + 10, T0 + 25))
      expect(await deviceOf(storage, Sensor, deviceId)).toMatchObject({
        sessionAt: T0 + 20,
        statusAt: T0 + 25,
      })
      expect(await apply(ends(deviceId, T0 + 10, T0 + 30))).toEqual([])
    })

    test('a start is stored even when a newer message of the device is known', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      await apply(change(Sensor, deviceId, T0 + 50, { status: { value: 'maintenance' } }))
      expect(await apply(begins(deviceId, T0 + 40))).toEqual([])
      expect(await deviceOf(storage, Sensor, deviceId)).toMatchObject({
        sessionAt: T0 + 40,
        status: 'maintenance',
        statusAt: T0 + 50,
      })
      expect(await apply(ends(deviceId, T0 + 30, T0 + 60))).toEqual([])
    })

    test('an end reported before the next start, with a later time, does not override that start', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      await apply(begins(deviceId, T0 + 10))
      expect(await apply(ends(deviceId, T0 + 10, T0 + 21))).toEqual(['offline'])
      expect(await apply(begins(deviceId, T0 + 20))).toEqual(['online'])
      const present = { status: 'online', statusAt: T0 + 21, sessionAt: T0 + 20 }
      expect(await deviceOf(storage, Sensor, deviceId)).toMatchObject(present)
      expect(await apply(begins(deviceId, T0 + 20), ends(deviceId, T0 + 10, T0 + 22))).toEqual([])
      expect(await deviceOf(storage, Sensor, deviceId)).toMatchObject(present)
    })

    test('an end without a known start is stored: the start that arrives after it does not set the device online', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor, { status: 'online' })
      expect(await apply(ends(deviceId, T0 + 10, T0 + 20))).toEqual(['offline'])
      expect(await apply(begins(deviceId, T0 + 10))).toEqual([])
      expect(await deviceOf(storage, Sensor, deviceId)).toMatchObject({
        status: 'offline',
        sessionAt: T0 + 10,
      })
    })

    test('changes without a session neither check nor move it', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      await apply(begins(deviceId, T0 + 10))
      expect(await apply(change(Sensor, deviceId, T0 + 20, { status: { value: 'offline' } }))).toEqual([
        'offline',
      ])
      expect(await deviceOf(storage, Sensor, deviceId)).toMatchObject({ sessionAt: T0 + 10 })
      expect(
        await apply(begins(deviceId, T0 + 90), { ...ends(deviceId, T0 + 90, T0 + 95), ifSeenBefore: T0 }),
      ).toEqual(['online'])
      expect(await deviceOf(storage, Sensor, deviceId)).toMatchObject({
        sessionAt: T0 + 90,
        status: 'online',
      })
    })
  })
}
