import type { Selector, Storage } from '@devicehub/core'
import { conditionOf, type DeviceRecord, EVERY_DEVICE } from '@devicehub/core/storage'
import { describe, expect, test } from 'vitest'
import { device, Meter, newId, Sensor, sample, store, T0 } from '../fixtures.js'
import { errorOf, everyPage, freshStorage, type StorageContract, sharedStorage } from '../harness.js'
import {
  isSelected,
  type PlainDevice,
  type PlainValue,
  pick,
  READING_FIELDS,
  randomNumbers,
  randomSelector,
  STATE_FIELDS,
  VALUES,
} from './selector-model.js'

const DEVICES = 60
const SELECTORS = 120

export function deviceSelectorContract(contract: StorageContract): void {
  describe('devices by a selector', () => {
    const shared = sharedStorage(contract)
    const idsOf = async (storage: Storage, selector: Selector) => {
      const { items } = await storage.devices.list(Sensor, conditionOf(Sensor, selector, T0), { limit: 100 })
      return items.map(({ deviceId }) => deviceId)
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
        const { items } = await everyPage((cursor) =>
          storage.devices.list(Sensor, condition, { limit: 17, cursor }),
        )
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

/** Devices with random values, some absent. What they are in plain objects. */
async function storeDevices(storage: Storage, random: () => number): Promise<PlainDevice[]> {
  const randomValue = (kind: string): PlainValue =>
    random() < 0.3 ? null : pick(random, VALUES[kind] as readonly PlainValue[])
  const valuesOf = (fields: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(fields).map(([name, kind]) => [name, randomValue(kind)]))
  const devices: PlainDevice[] = []
  for (let index = 0; index < DEVICES; index++) {
    const labels = Object.fromEntries(
      ['site', 'customer'].flatMap((key) => {
        const value = randomValue('label')
        return value === null ? [] : [[key, value as string]]
      }),
    )
    const plain: PlainDevice = {
      deviceId: `d${index}`,
      name: `Name ${(index * 7) % DEVICES}${index % 9 === 0 ? '%' : ''}`,
      status: pick(random, VALUES.status as readonly string[]),
      isActive: random() < 0.7,
      batteryLevel: randomValue('batteryLevel') as number | null,
      firmwareVersion: randomValue('firmwareVersion') as string | null,
      lastSeen: randomValue('lastSeen') as number | null,
      createdAt: T0 + (index % 5),
      updatedAt: T0,
      labels,
      state: valuesOf(STATE_FIELDS),
      readings: random() < 0.2 ? {} : valuesOf(READING_FIELDS),
    }
    devices.push(plain)
  }
  await storage.devices.ensure(Sensor, devices.map(recordOf))
  for (const { deviceId, readings } of devices) await storeReadings(storage, deviceId, readings)
  return devices
}

const recordOf = ({ readings: _readings, state, ...plain }: PlainDevice): DeviceRecord =>
  device(Sensor, plain.deviceId, {
    ...plain,
    status: plain.status as DeviceRecord['status'],
    state: Sensor.stateNames.map((name) => state[name] ?? null),
  })

/** A first sample with other values, then one of each reading: the last of each is what counts. */
async function storeReadings(
  storage: Storage,
  deviceId: string,
  readings: PlainDevice['readings'],
): Promise<void> {
  const known = Object.entries(readings).filter(([, value]) => value !== null)
  if (known.length === 0) return
  const before = Object.fromEntries(
    known.map(([name]) => [name, VALUES[READING_FIELDS[name as keyof typeof READING_FIELDS]]?.[0] ?? null]),
  )
  await store(storage, Sensor, deviceId, [
    sample(Sensor, deviceId, T0, before),
    ...known.map(([name, value], index) => sample(Sensor, deviceId, T0 + 1 + index, { [name]: value })),
  ])
}
