import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Storage } from '@devicehub/core'
import type { TwinKey } from '@devicehub/core/storage'
import { describe, expect, test } from 'vitest'
import { Meter, newDevice, newId, Sensor, T0 } from '../fixtures.js'
import { errorOf, freshStorage, type StorageContract, sharedStorage } from '../harness.js'
import { apiKey, issue, keyOf, password, provision } from './credential-fixtures.js'

const LIMIT = 1000

export function accessContract(contract: StorageContract): void {
  describe('access changes', () => {
    const shared = sharedStorage(contract)
    const present = async (storage: Storage) => (await storage.credentials.changes(null, LIMIT)).position

    /** What the other storage is told that this one changed. */
    async function toldOf(change: () => Promise<unknown>): Promise<readonly TwinKey[] | null> {
      const position = await present(shared.other)
      await change()
      const { position: next, devices } = await shared.other.credentials.changes(position, LIMIT)
      expect(await shared.other.credentials.changes(next, LIMIT)).toEqual({ position: next, devices: [] })
      expect(next > position).toBe(devices === null || devices.length > 0)
      return devices
    }

    test('credentials that are issued, retired and revoked', async () => {
      const { storage } = shared
      const [deviceId, made] = [await newDevice(storage, Sensor), newId()]
      const write = (...writes: Parameters<Storage['credentials']['write']>[0]) =>
        toldOf(() => storage.credentials.write(writes))
      const retire = (at: number) => ({ kinds: ['password', 'api_key'] as const, at })
      expect(await write(issue(deviceId, [password()]))).toEqual([keyOf(deviceId)])
      expect(await write(issue(deviceId, [], { retire: retire(T0 + 9) }))).toEqual([keyOf(deviceId)])
      expect(await write(issue(deviceId, [], { retire: retire(T0) }))).toEqual([keyOf(deviceId)])
      expect(await write(issue(deviceId, [], { username: newId('user') }))).toEqual([keyOf(deviceId)])
      expect(await write(provision(made, [], { type: Meter }))).toEqual([keyOf(made, Meter)])
      const several = [
        provision(newId(), [password()]),
        issue(deviceId, [apiKey()]),
        issue(deviceId, [apiKey()]),
      ]
      expect(await write(...several).then((told) => told?.length)).toBe(2)
    })

    test('devices that are deactivated, activated and deleted', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      const update = (isActive: boolean) =>
        toldOf(() => storage.devices.update(Sensor, deviceId, { isActive }, T0))
      expect(await update(false)).toEqual([keyOf(deviceId)])
      expect(await update(true)).toEqual([keyOf(deviceId)])
      expect(await toldOf(() => storage.devices.delete(Sensor, deviceId, T0))).toEqual([keyOf(deviceId)])
    })

    test('nothing else, and no change without effect', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      expect(
        await toldOf(async () => {
          await newDevice(storage, Sensor)
          await storage.devices.update(Sensor, deviceId, { name: 'other', mqttUsername: newId('user') }, T0)
          await storage.devices.update(Sensor, newId(), { isActive: false }, T0)
          await storage.devices.delete(Sensor, newId(), T0)
          await storage.credentials.write([provision(deviceId, [password()]), issue(newId(), [password()])])
          await storage.credentials.write([issue(deviceId, [], { retire: { kinds: ['password'], at: T0 } })])
          const refused = [issue(deviceId, [password()]), issue(deviceId, [password({ hash: '' })])]
          await expect(storage.credentials.write(refused)).rejects.toEqual(errorOf('storage_failed'))
        }),
      ).toEqual([])
    })

    test('a device that changed several times is reported once, and again after the next change', async () => {
      const { storage, other } = shared
      const [a, b] = [await newDevice(storage, Sensor), await newDevice(storage, Sensor)]
      const start = await present(storage)
      for (let round = 0; round < 3; round++) await storage.credentials.write([issue(a, [password()])])
      await storage.credentials.write([issue(b, [password()])])
      const middle = await other.credentials.changes(start, LIMIT)
      expect(middle.devices).toEqual([keyOf(a), keyOf(b)])
      await storage.credentials.write([issue(a, [password()])])
      expect((await other.credentials.changes(middle.position, LIMIT)).devices).toEqual([keyOf(a)])
      expect((await other.credentials.changes(start, LIMIT)).devices).toEqual([keyOf(b), keyOf(a)])
    })

    test('more than the limit, or a position of another database, is reported as null', async () => {
      const { storage } = shared
      const start = await present(storage)
      await storage.credentials.write(Array.from({ length: 5 }, () => provision(newId(), [password()])))
      const changes = (position: number, limit: number) => storage.credentials.changes(position, limit)
      expect((await changes(start, 5)).devices).toHaveLength(5)
      const position = await present(storage)
      expect(await changes(start, 4)).toEqual({ position, devices: null })
      expect(await changes(position + 100, LIMIT)).toEqual({ position, devices: null })
    })

    test('of nothing there is none', async () => {
      await using opened = await freshStorage(contract)
      const { position } = await opened.storage.credentials.changes(null, LIMIT)
      expect(await opened.storage.credentials.changes(position, LIMIT)).toEqual({ position, devices: [] })
      const deviceId = newId()
      await opened.storage.credentials.write([provision(deviceId, [password()])])
      expect((await opened.storage.credentials.changes(position, LIMIT)).devices).toEqual([keyOf(deviceId)])
    })

    test('a reader that continues from each position skips no change of concurrent writers', async () => {
      const { storage, other } = shared
      const ids = await Promise.all(Array.from({ length: 8 }, () => newDevice(storage, Sensor)))
      const start = await present(storage)
      const told = new Map<string, number>()
      let [reading, position] = [true, start]
      const read = async () => {
        const changes = await other.credentials.changes(position, LIMIT)
        position = changes.position
        for (const { deviceId } of changes.devices ?? []) told.set(deviceId, (told.get(deviceId) ?? 0) + 1)
      }
      const reader = (async () => {
        while (reading) {
          await read()
          // A database in this thread answers at once: the writers have to have their turn.
          await nextTurn()
        }
      })()
      const made: string[] = []
      await Promise.all(
        ids.map(async (id, index) => {
          const one = index % 2 ? storage : other
          for (let round = 0; round < 6; round++) {
            const fresh = newId()
            made.push(fresh)
            // In opposite orders: writers must not wait for each other in a circle.
            const writes = [
              issue(id, [password()]),
              issue(ids[(index + 1) % ids.length] as string, [apiKey()]),
            ]
            await one.credentials.write([
              ...(index % 2 ? writes : writes.reverse()),
              provision(fresh, [password()]),
            ])
            await one.devices.update(Sensor, id, { isActive: round % 2 === 1 }, T0)
          }
          await one.devices.delete(Sensor, id, T0)
        }),
      )
      reading = false
      await reader
      await read()
      expect(position).toBe(await present(storage))
      for (const id of [...ids, ...made]) expect(told.get(id), `${id} is told`).toBeGreaterThan(0)
    })
  })
}
