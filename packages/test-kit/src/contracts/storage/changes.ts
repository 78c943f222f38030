import type { DeviceChange, DeviceStatus, StatusTransition } from '@devicehub/core'
import { describe, expect, test } from 'vitest'
import { batch, change, deviceOf, Meter, newDevice, newId, Sensor, T0 } from './fixtures.js'
import { type StorageContract, sharedStorage } from './harness.js'

const brief = ({ deviceId, from, to, at }: StatusTransition) => [deviceId, from, to, at - T0]

export function changeContract(contract: StorageContract): void {
  describe('touches and changes', () => {
    const shared = sharedStorage(contract)
    const apply = (...changes: DeviceChange[]) => shared.storage.commit(batch([], { changes }))
    const to = (value: DeviceStatus, from?: readonly DeviceStatus[]) => ({
      status: from ? { value, from } : { value },
    })

    test('invariant 4: a touch only moves last_seen forward and changes nothing else', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor, {
        name: 'kept',
        batteryLevel: 5,
        metadata: '{"a":1}',
      })
      const before = await deviceOf(storage, Sensor, deviceId)
      const touch = (lastSeen: number) =>
        storage.commit(batch([], { touches: [{ type: Sensor, deviceId, lastSeen }] }))
      for (const [sent, expected] of [
        [100, 100],
        [50, 100],
        [100, 100],
        [101, 101],
        [-1, 101],
      ] as const) {
        await touch(T0 + sent)
        const { updatedAt: _, ...now } = await deviceOf(storage, Sensor, deviceId)
        const { updatedAt: __, ...then } = before
        expect(now).toEqual({ ...then, lastSeen: T0 + expected })
      }
    })

    test('touches of many devices of several types in one batch', async () => {
      const { storage } = shared
      const targets = []
      for (let index = 0; index < 20; index++) {
        const type = index % 2 ? Sensor : Meter
        targets.push({ type, deviceId: await newDevice(storage, type), lastSeen: T0 + index })
      }
      await storage.commit(batch([], { touches: targets }))
      for (const { type, deviceId, lastSeen } of targets)
        expect((await deviceOf(storage, type, deviceId)).lastSeen).toBe(lastSeen)
    })

    test('a change sets status, battery, firmware and their time', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      const result = await apply(
        change(Sensor, deviceId, T0 + 5, {
          lastSeen: T0 + 9,
          batteryLevel: 0,
          firmwareVersion: '2.1.0-rc.1 🌡️',
          ...to('online'),
        }),
      )
      expect(result.transitions).toEqual([
        { type: Sensor, deviceId, from: 'offline', to: 'online', at: T0 + 5 },
      ])
      expect(await deviceOf(storage, Sensor, deviceId)).toMatchObject({
        status: 'online',
        statusAt: T0 + 5,
        lastSeen: T0 + 9,
        batteryLevel: 0,
        firmwareVersion: '2.1.0-rc.1 🌡️',
      })
    })

    test('what a change does not name stays', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor, {
        status: 'maintenance',
        batteryLevel: 71.5,
        firmwareVersion: '1',
      })
      const result = await apply(change(Sensor, deviceId, T0 + 5))
      expect(result.transitions).toEqual([])
      expect(await deviceOf(storage, Sensor, deviceId)).toMatchObject({
        status: 'maintenance',
        statusAt: T0 + 5,
        batteryLevel: 71.5,
        firmwareVersion: '1',
      })
    })

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

    test('several changes of a device fold in order, each transition told', async () => {
      const { storage } = shared
      const [a, b] = [await newDevice(storage, Sensor), await newDevice(storage, Sensor)]
      const { transitions } = await apply(
        change(Sensor, a, T0 + 1, { batteryLevel: 1, ...to('online') }),
        change(Sensor, b, T0 + 1, to('error')),
        change(Sensor, a, T0 + 2, { firmwareVersion: '3', ...to('online') }),
        change(Sensor, a, T0 + 3, to('low_battery')),
        change(Sensor, b, T0 + 2, to('offline')),
        change(Sensor, a, T0 + 4, { batteryLevel: 9, ...to('online') }),
      )
      const of = (deviceId: string) => transitions.filter((t) => t.deviceId === deviceId).map(brief)
      expect(of(a)).toEqual([
        [a, 'offline', 'online', 1],
        [a, 'online', 'low_battery', 3],
        [a, 'low_battery', 'online', 4],
      ])
      expect(of(b)).toEqual([
        [b, 'offline', 'error', 1],
        [b, 'error', 'offline', 2],
      ])
      expect(transitions).toHaveLength(5)
      expect(await deviceOf(storage, Sensor, a)).toMatchObject({
        status: 'online',
        statusAt: T0 + 4,
        batteryLevel: 9,
        firmwareVersion: '3',
        lastSeen: T0 + 4,
      })
      expect(await deviceOf(storage, Sensor, b)).toMatchObject({ status: 'offline', statusAt: T0 + 2 })
    })

    test('`from` guards the status and nothing else', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor, { status: 'maintenance' })
      const guarded = to('online', ['offline', 'provisioning'])
      expect(
        (await apply(change(Sensor, deviceId, T0 + 1, { batteryLevel: 4, ...guarded }))).transitions,
      ).toEqual([])
      expect(await deviceOf(storage, Sensor, deviceId)).toMatchObject({
        status: 'maintenance',
        statusAt: T0 + 1,
        batteryLevel: 4,
      })
      const result = await apply(
        change(Sensor, deviceId, T0 + 2, to('offline', ['maintenance'])),
        change(Sensor, deviceId, T0 + 3, guarded),
        change(Sensor, deviceId, T0 + 4, to('error', [])),
      )
      expect(result.transitions.map(brief)).toEqual([
        [deviceId, 'maintenance', 'offline', 2],
        [deviceId, 'offline', 'online', 3],
      ])
      expect(await deviceOf(storage, Sensor, deviceId)).toMatchObject({ status: 'online', statusAt: T0 + 4 })
    })

    test('devices that do not exist, or only in another type, are passed over', async () => {
      const { storage } = shared
      const [real, missing] = [await newDevice(storage, Sensor), newId()]
      const result = await storage.commit(
        batch([], {
          touches: [
            { type: Sensor, deviceId: missing, lastSeen: T0 },
            { type: Meter, deviceId: real, lastSeen: T0 + 99 },
            { type: Sensor, deviceId: real, lastSeen: T0 + 1 },
          ],
          changes: [
            change(Sensor, missing, T0, to('online')),
            change(Meter, real, T0 + 99, to('error')),
            change(Sensor, real, T0, to('online')),
          ],
        }),
      )
      expect(result.transitions.map(brief)).toEqual([[real, 'offline', 'online', 0]])
      expect(await storage.devices.find(Sensor, [missing])).toEqual([])
      expect(await storage.devices.find(Meter, [real])).toEqual([])
      expect(await deviceOf(storage, Sensor, real)).toMatchObject({ status: 'online', lastSeen: T0 + 1 })
    })

    test('ids that differ in case are different devices', async () => {
      const { storage } = shared
      const lower = await newDevice(storage, Sensor)
      await storage.commit(
        batch([], {
          touches: [{ type: Sensor, deviceId: lower.toUpperCase(), lastSeen: T0 }],
          changes: [change(Sensor, lower.toUpperCase(), T0, to('online'))],
        }),
      )
      expect(await deviceOf(storage, Sensor, lower)).toMatchObject({ status: 'offline', lastSeen: null })
    })

    test('invariant 4: two processes change and touch the same devices at once, in opposite orders; the newest stands', async () => {
      const { storage, other } = shared
      const ids = [
        await newDevice(storage, Sensor),
        await newDevice(storage, Sensor),
        await newDevice(storage, Sensor),
      ]
      const transitions: StatusTransition[] = []
      const statuses = ['online', 'error', 'maintenance', 'low_battery'] as const
      const commits = Array.from({ length: 40 }, async (_, index) => {
        const order = index % 2 ? ids : [...ids].reverse()
        const status = statuses[index % statuses.length] ?? 'online'
        const result = await (index % 2 ? storage : other).commit(
          batch([], {
            touches: order.map((deviceId) => ({ type: Sensor, deviceId, lastSeen: T0 + 1000 - index })),
            changes: order.map((deviceId) =>
              change(Sensor, deviceId, T0 + index, { batteryLevel: index, ...to(status) }),
            ),
          }),
        )
        transitions.push(...result.transitions)
      })
      await Promise.all(commits)
      for (const deviceId of ids) {
        expect(await deviceOf(storage, Sensor, deviceId)).toMatchObject({
          status: 'low_battery',
          statusAt: T0 + 39,
          batteryLevel: 39,
          lastSeen: T0 + 1000,
        })
        // Each step starts where another ended, or an update was lost.
        const balance = new Map<string, number>()
        for (const { from, to } of transitions.filter((t) => t.deviceId === deviceId)) {
          balance.set(from, (balance.get(from) ?? 0) - 1)
          balance.set(to, (balance.get(to) ?? 0) + 1)
        }
        expect(Object.fromEntries([...balance].filter(([, count]) => count !== 0))).toEqual({
          offline: -1,
          low_battery: 1,
        })
      }
    })
  })
}
