import type { DeviceChange, StatusTransition } from '@devicehub/core/storage'
import { describe, expect, test } from 'vitest'
import { batch, change, deviceOf, Meter, newDevice, newId, Sensor, T0 } from '../fixtures.js'
import { type StorageContract, sharedStorage } from '../harness.js'
import { brief, to } from './change-fixtures.js'

export function changeContract(contract: StorageContract): void {
  describe('touches and changes', () => {
    const shared = sharedStorage(contract)
    const apply = (...changes: DeviceChange[]) => shared.storage.commit(batch([], { changes }))

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
        { type: Sensor, deviceId, from: 'offline', to: 'online', at: T0 + 5, change: 0 },
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
