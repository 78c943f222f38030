import type { Selector } from '@devicehub/core'
import { conditionOf, EVERY_DEVICE } from '@devicehub/core/storage'
import { describe, expect, test } from 'vitest'
import { device, Meter, newId, Sensor, T0 } from '../fixtures.js'
import { errorOf, freshStorage, type StorageContract, sharedStorage } from '../harness.js'
import { isSelected, type PlainDevice, randomNumbers, randomSelector } from './selector-model.js'
import { storeDevices } from './stored-fleet.js'

const SEEN_BEFORE = 1_700_000_000_001
const BATTERY_BELOW = 20.5

export function fleetContract(contract: StorageContract): void {
  describe('a fleet as a whole', () => {
    const shared = sharedStorage(contract)

    test('in figures: what counting plain objects gives, for any selector', async () => {
      await using opened = await freshStorage(contract)
      const { storage } = opened
      const seed = Math.floor(Math.random() * 2 ** 31)
      const random = randomNumbers(seed)
      const devices = await storeDevices(storage, random)
      for (let run = 0; run < 30; run++) {
        const selector = run === 0 ? {} : randomSelector(random)
        const given = await storage.devices.overview(Sensor, conditionOf(Sensor, selector as Selector, T0), {
          labels: ['site', 'customer', 'nobody-has-it'],
          seenBefore: SEEN_BEFORE,
          batteryBelow: BATTERY_BELOW,
          maxValues: 3,
        })
        const expected = figuresOf(devices.filter((each) => isSelected(each, selector)))
        expect(given, `seed ${seed}, run ${run}: ${JSON.stringify(selector)}`).toEqual(expected)
      }
      const nothing = { labels: [], seenBefore: T0, batteryBelow: 20, maxValues: 10 }
      expect(await storage.devices.overview(Meter, EVERY_DEVICE, nothing)).toEqual({
        total: 0,
        byStatus: {},
        inactive: 0,
        silent: 0,
        neverSeen: 0,
        lowBattery: 0,
        byLabel: {},
      })
    })

    test('is changed at once: labels one by one, the rest as a whole; what was not named stays', async () => {
      const { storage } = shared
      const [a, b, other] = [newId(), newId(), newId()]
      await storage.devices.ensure(Sensor, [
        device(Sensor, a, { labels: { site: 'north', old: 'x' } }),
        device(Sensor, b, { labels: { site: 'south' }, firmwareVersion: '1' }),
        device(Sensor, other, { labels: { site: 'north' } }),
      ])
      const patch = { labels: { site: `new-${a}`, old: null }, isActive: false }
      const changed = await storage.devices.updateMany(Sensor, [b, a, 'nobody', a], patch, T0 + 9)
      expect([...changed].sort()).toEqual([a, b].sort())
      const found = await storage.devices.find(Sensor, [a, b, other])
      const of = (id: string) => found.find(({ deviceId }) => deviceId === id)
      expect(of(a)).toMatchObject({ labels: { site: `new-${a}` }, isActive: false, updatedAt: T0 + 9 })
      expect(of(b)).toMatchObject({ labels: { site: `new-${a}` }, firmwareVersion: '1', isActive: false })
      expect(of(other)).toMatchObject({ labels: { site: 'north' }, isActive: true })
      const selected = conditionOf(Sensor, { labels: { site: `new-${a}` } })
      expect(await storage.devices.count(Sensor, selected, 10)).toBe(2)
      expect(await storage.devices.updateMany(Sensor, [a], { name: 'named' }, T0 + 10)).toEqual([a])
      expect(await storage.devices.count(Sensor, selected, 10)).toBe(2)
      expect(await storage.devices.updateMany(Sensor, [], { name: 'named' }, T0 + 10)).toEqual([])
    })

    test('too many labels of one device leave all of them as they are', async () => {
      const { storage } = shared
      const [few, many] = [newId(), newId()]
      const labels = Object.fromEntries(Array.from({ length: 64 }, (_, index) => [`k${index}`, 'v']))
      await storage.devices.ensure(Sensor, [device(Sensor, few), device(Sensor, many, { labels })])
      const patch = { labels: { one: 'more' }, name: 'changed' }
      await expect(storage.devices.updateMany(Sensor, [few, many], patch, T0)).rejects.toEqual(
        errorOf('invalid_payload'),
      )
      const found = await storage.devices.find(Sensor, [few, many])
      expect(found.map(({ name, deviceId }) => name === deviceId)).toEqual([true, true])
      expect(found.find(({ deviceId }) => deviceId === few)?.labels).toEqual({})
    })
  })
}

function figuresOf(devices: readonly PlainDevice[]) {
  const active = devices.filter(({ isActive }) => isActive)
  const byStatus: Record<string, number> = {}
  for (const { status } of devices) byStatus[status] = (byStatus[status] ?? 0) + 1
  const byLabel = Object.fromEntries(
    ['site', 'customer', 'nobody-has-it'].map((key) => {
      const counts = new Map<string, number>()
      for (const { labels } of devices)
        if (labels[key] !== undefined) counts.set(labels[key], (counts.get(labels[key]) ?? 0) + 1)
      const sorted = [...counts]
        .map(([value, count]) => ({ value, count }))
        .sort((a, b) => b.count - a.count || Buffer.compare(Buffer.from(a.value), Buffer.from(b.value)))
      const sum = (some: typeof sorted) => some.reduce((all, { count }) => all + count, 0)
      const values = sorted.slice(0, 3)
      return [key, { values, others: sum(sorted.slice(3)), without: devices.length - sum(sorted) }]
    }),
  )
  return {
    total: devices.length,
    byStatus,
    inactive: devices.length - active.length,
    silent: active.filter(({ lastSeen }) => lastSeen !== null && lastSeen < SEEN_BEFORE).length,
    neverSeen: active.filter(({ lastSeen }) => lastSeen === null).length,
    lowBattery: active.filter(({ batteryLevel }) => batteryLevel !== null && batteryLevel < BATTERY_BELOW)
      .length,
    byLabel,
  }
}
