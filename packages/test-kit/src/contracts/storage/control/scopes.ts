import type { Storage } from '@devicehub/core'
import { type Condition, conditionOf } from '@devicehub/core/storage'
import { describe, expect, test } from 'vitest'
import { device, deviceOf, newId, Sensor, T0 } from '../fixtures.js'
import { type StorageContract, sharedStorage } from '../harness.js'
import { claimOf, command, online } from './command-fixtures.js'

/** What `within` means for commands and desired state. */
export function scopedControlContract(contract: StorageContract): void {
  describe('within a condition', () => {
    const shared = sharedStorage(contract)
    const of = (customer: string): Condition => conditionOf(Sensor, { labels: { customer } }, T0)

    async function labelled(storage: Storage) {
      const deviceId = newId()
      const labels = { customer: `in-${deviceId}` }
      await storage.devices.create(Sensor, device(Sensor, deviceId, { labels }))
      return { deviceId, labels, inside: of(labels.customer), outside: of(`out-${deviceId}`) }
    }
    const only = (condition: Condition) => [{ type: Sensor, condition }]

    test('commands are created', async () => {
      const { storage } = shared
      const { deviceId, inside, outside } = await labelled(storage)
      const refused = command(deviceId, { within: outside })
      const taken = command(deviceId, { within: inside })
      expect(await storage.commands.create([refused, taken], null)).toEqual(['device_not_found', 'queued'])
      const found = await storage.commands.find([refused.id, taken.id])
      expect(found.map(({ id }) => id)).toEqual([taken.id])

      // Of a device that can be reached: whoever creates them publishes them.
      await online(storage, deviceId)
      const claim = claimOf(newId('claim'))
      const one = (within: Condition) => storage.commands.create([command(deviceId, { within })], claim)
      expect(await one(outside)).toEqual(['device_not_found'])
      expect(await one(inside)).not.toEqual(['device_not_found'])
    })

    test('commands are found and listed, those alone that were created since their device was', async () => {
      const { storage } = shared
      const { deviceId, labels, inside, outside } = await labelled(storage)
      const { commands } = storage
      const one = command(deviceId)
      await commands.create([one], null)
      const find = async (ids: readonly string[], condition: Condition) =>
        (await commands.find(ids, only(condition))).map(({ id }) => id)
      const list = async (condition: Condition, asked: { readonly deviceId?: string }) =>
        (await commands.list({ ...asked, within: only(condition) }, { limit: 5 })).items.map(({ id }) => id)
      const inAll = async (condition: Condition) => [
        await find([one.id], condition),
        await find([one.id, 'another'], condition),
        await list(condition, { deviceId }),
        await list(condition, {}),
      ]
      expect(await inAll(inside)).toEqual(Array(4).fill([one.id]))
      expect(await inAll(outside)).toEqual(Array(4).fill([]))
      expect(await commands.find([one.id], [])).toEqual([])
      expect((await commands.list({ deviceId, within: [] }, { limit: 5 })).items).toEqual([])

      await storage.devices.delete(Sensor, deviceId, T0 + 1)
      await storage.devices.create(Sensor, device(Sensor, deviceId, { labels, createdAt: T0 + 1 }))
      expect(await inAll(inside)).toEqual(Array(4).fill([]))
      expect(await commands.find([one.id])).toHaveLength(1)
    })

    test('desired state is read and set', async () => {
      const { storage } = shared
      const { deviceId, inside, outside } = await labelled(storage)
      const { twins } = storage
      const set = (within: Condition, ifVersion?: number) =>
        twins.setDesired({
          type: Sensor,
          deviceId,
          patch: { note: 'x' },
          at: T0,
          within,
          ...(ifVersion !== undefined && { ifVersion }),
        })
      expect(await set(outside)).toEqual({ outcome: 'device_not_found' })
      expect(await set(outside, 77)).toEqual({ outcome: 'device_not_found' })
      expect(await twins.get(Sensor, deviceId, inside)).toMatchObject({ version: 0 })
      expect(await set(inside)).toMatchObject({ outcome: 'set' })
      expect(await twins.get(Sensor, deviceId, inside)).toMatchObject({ version: 1, desired: { note: 'x' } })
      expect(await twins.get(Sensor, deviceId, outside)).toBeNull()
    })

    test('a device that has left it gets no command and no desired state from it', async () => {
      const { storage, other } = shared
      const { deviceId, inside } = await labelled(storage)
      await other.devices.update(Sensor, deviceId, { labels: { customer: 'else' } }, T0)
      expect(await storage.commands.create([command(deviceId, { within: inside })], null)).toEqual([
        'device_not_found',
      ])
      const change = { type: Sensor, deviceId, patch: { note: 'x' }, at: T0, within: inside }
      expect(await storage.twins.setDesired(change)).toEqual({ outcome: 'device_not_found' })
      expect((await deviceOf(storage, Sensor, deviceId)).labels).toEqual({ customer: 'else' })
    })
  })
}
