import type { Selector, Storage } from '@devicehub/core'
import { conditionOf, EVERY_DEVICE } from '@devicehub/core/storage'
import { describe, expect, test } from 'vitest'
import { device, Meter, newId, Sensor, T0 } from '../fixtures.js'
import { errorOf, everyDevice, freshStorage, type StorageContract, sharedStorage } from '../harness.js'
import { isSelected, randomNumbers, randomSelector } from './selector-model.js'
import { storeDevices } from './stored-fleet.js'

const SELECTORS = 120

export function deviceSelectorContract(contract: StorageContract): void {
  describe('devices by a selector', () => {
    const shared = sharedStorage(contract)
    const idsOf = async (storage: Storage, selector: Selector) => {
      const { items } = await storage.devices.list(Sensor, conditionOf(Sensor, selector, T0), { limit: 100 })
      return items.map(({ record }) => record.deviceId)
    }

    test('are those that a calculation over plain objects gives, in pages, and counted', async () => {
      await using opened = await freshStorage(contract)
      const { storage } = opened
      const seed = Math.floor(Math.random() * 2 ** 31)
      const random = randomNumbers(seed)
      const devices = await storeDevices(storage, random)
      const newestFirst = [...devices].sort(
        (a, b) => b.createdAt - a.createdAt || (a.deviceId < b.deviceId ? 1 : -1),
      )
      for (let run = 0; run < SELECTORS; run++) {
        const selector = randomSelector(random)
        const condition = conditionOf(Sensor, selector as Selector, T0)
        const { items } = await everyDevice(storage, Sensor, condition, { limit: 17 })
        const expected = newestFirst.filter((each) => isSelected(each, selector))
        const what = `seed ${seed}, run ${run}: ${JSON.stringify(selector)}`
        expect(
          items.map(({ deviceId }) => deviceId),
          what,
        ).toEqual(expected.map(({ deviceId }) => deviceId))
        expect(await storage.devices.count(Sensor, condition, 1_000), what).toBe(expected.length)
      }
    })

    test('counting stops at its bound', async () => {
      await using opened = await freshStorage(contract)
      const { storage } = opened
      await storage.devices.ensure(
        Sensor,
        ['a', 'b', 'c'].map((id) => device(Sensor, id)),
      )
      const counted = (max: number) => storage.devices.count(Sensor, EVERY_DEVICE, max)
      expect([await counted(1), await counted(3), await counted(4)]).toEqual([1, 3, 3])
      expect(await storage.devices.count(Meter, EVERY_DEVICE, 4)).toBe(0)
    })

    test('labels come back in the order of their keys, change one by one, and go with their device', async () => {
      const { storage } = shared
      const id = newId()
      const customer = `acme-${id}`
      await storage.devices.create(Sensor, device(Sensor, id, { labels: { customer, site: 'north' } }))
      const labelsOf = async () => (await storage.devices.find(Sensor, [id]))[0]?.labels
      expect(Object.entries((await labelsOf()) ?? {})).toEqual([
        ['customer', customer],
        ['site', 'north'],
      ])
      const updated = await storage.devices.update(Sensor, id, { labels: { site: null, area: '2' } }, T0 + 5)
      expect(updated?.labels).toEqual({ area: '2', customer })
      expect(Object.entries((await labelsOf()) ?? {})).toEqual([
        ['area', '2'],
        ['customer', customer],
      ])
      expect(await idsOf(storage, { labels: { customer } })).toEqual([id])
      expect(await idsOf(storage, { labels: { customer, site: 'north' } })).toEqual([])
      await storage.devices.update(Sensor, id, { name: 'another' }, T0 + 6)
      expect(await idsOf(storage, { labels: { customer, area: '2' } })).toEqual([id])
      await storage.devices.delete(Sensor, id, T0 + 7)
      await storage.devices.create(Sensor, device(Sensor, id))
      expect(await idsOf(storage, { labels: { customer } })).toEqual([])
      expect(await labelsOf()).toEqual({})
    })

    test('a device that exists already keeps its labels', async () => {
      const { storage } = shared
      const [id, fresh] = [newId(), newId()]
      const label = { batch: id }
      await storage.devices.create(Sensor, device(Sensor, id, { labels: label }))
      const again = (deviceId: string) => device(Sensor, deviceId, { labels: { batch: `other-${id}` } })
      await storage.devices.ensure(Sensor, [again(id), again(fresh)])
      expect(await idsOf(storage, { labels: label })).toEqual([id])
      expect(await idsOf(storage, { labels: { batch: `other-${id}` } })).toEqual([fresh])
    })

    test('more labels than a device may have are `invalid_payload`, and nothing is written', async () => {
      const { storage } = shared
      const id = newId()
      const many = (from: number, count: number) =>
        Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${from + index}`, 'v']))
      await storage.devices.create(Sensor, device(Sensor, id, { labels: many(0, 60) }))
      await expect(
        storage.devices.update(Sensor, id, { name: 'changed', labels: many(60, 5) }, T0),
      ).rejects.toEqual(errorOf('invalid_payload'))
      const [found] = await storage.devices.find(Sensor, [id])
      expect([found?.name, Object.keys(found?.labels ?? {}).length]).toEqual([id, 60])
    })
  })
}
