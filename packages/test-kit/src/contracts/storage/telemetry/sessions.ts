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

    test('one that begins is remembered; its end ends it', async () => {
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

    test('the end of an earlier one changes nothing but last_seen, in a later batch and within one', async () => {
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

    test('the time only moves forward: also when the beginnings come in the wrong order', async () => {
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

    test('a beginning is remembered when newer news of the device are known', async () => {
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

    test('an end that is told before the beginning of the next one, and has the later time, does not outlive it', async () => {
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

    test('an end whose beginning was never told is remembered: the beginning that comes behind it brings nothing back', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor, { status: 'online' })
      expect(await apply(ends(deviceId, T0 + 10, T0 + 20))).toEqual(['offline'])
      expect(await apply(begins(deviceId, T0 + 10))).toEqual([])
      expect(await deviceOf(storage, Sensor, deviceId)).toMatchObject({
        status: 'offline',
        sessionAt: T0 + 10,
      })
    })

    test('what is of no session neither knows nor moves it', async () => {
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
