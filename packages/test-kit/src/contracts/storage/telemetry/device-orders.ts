import type { Selector, Storage } from '@devicehub/core'
import { conditionOf, type DeviceSort, type DeviceValue, EVERY_DEVICE } from '@devicehub/core/storage'
import { describe, expect, test } from 'vitest'
import { device, Sensor, T0 } from '../fixtures.js'
import { everyDevice, freshStorage, type StorageContract } from '../harness.js'
import {
  isSelected,
  type PlainDevice,
  type PlainValue,
  pick,
  READING_FIELDS,
  randomNumbers,
  randomSelector,
  STATE_FIELDS,
} from './selector-model.js'
import { storeDevices } from './stored-fleet.js'

const RUNS = 60

const SORTED_BY: readonly DeviceValue[] = [
  ...(
    [
      'deviceId',
      'name',
      'status',
      'isActive',
      'batteryLevel',
      'firmwareVersion',
      'lastSeen',
      'createdAt',
    ] as const
  ).map((name): DeviceValue => ({ of: 'device', name })),
  ...Object.keys(STATE_FIELDS).map((name): DeviceValue => ({ of: 'state', name })),
  ...Object.keys(READING_FIELDS).map((name): DeviceValue => ({ of: 'reading', name })),
  ...['site', 'customer', 'nobody-has-it'].map((name): DeviceValue => ({ of: 'label', name })),
]

export function deviceOrderContract(contract: StorageContract): void {
  describe('orders of devices', () => {
    test('are those that sorting plain objects gives, by each value either way, in pages', async () => {
      await using opened = await freshStorage(contract)
      const { storage } = opened
      const seed = Math.floor(Math.random() * 2 ** 31)
      const random = randomNumbers(seed)
      const devices = await storeDevices(storage, random)
      const sorts = SORTED_BY.flatMap((by) => [true, false].map((descending) => ({ by, descending })))
      for (let run = 0; run < Math.max(RUNS, sorts.length); run++) {
        const sort = sorts[run % sorts.length] as DeviceSort
        const selector = run % 2 === 0 ? {} : randomSelector(random)
        const condition = conditionOf(Sensor, selector as Selector, T0)
        const limit = pick(random, [1, 7, 13, 100])
        const { items } = await everyDevice(storage, Sensor, condition, { limit, sort })
        const expected = inOrder(
          devices.filter((each) => isSelected(each, selector)),
          sort,
        )
        expect(
          items.map(({ deviceId }) => deviceId),
          `seed ${seed}, run ${run}: ${JSON.stringify({ sort, limit, selector })}`,
        ).toEqual(expected.map(({ deviceId }) => deviceId))
      }
    })

    test('a device at the place is given where it is asked for', async () => {
      await using opened = await freshStorage(contract)
      const { storage } = opened
      const battery = [null, 5, 5, 70]
      await storage.devices.ensure(
        Sensor,
        battery.map((batteryLevel, index) => device(Sensor, `d${index}`, { batteryLevel })),
      )
      for (const descending of [true, false]) {
        const sort: DeviceSort = { by: { of: 'device', name: 'batteryLevel' }, descending }
        const list = async (request: object) =>
          (await storage.devices.list(Sensor, EVERY_DEVICE, { limit: 10, sort, ...request })).items
        const all = await list({})
        expect(all.map(({ position }) => position.value)).toEqual(
          descending ? [70, 5, 5, null] : [5, 5, 70, null],
        )
        for (const [index, { position: after }] of all.entries()) {
          expect(await list({ after })).toEqual(all.slice(index + 1))
          expect(await list({ after, inclusive: true })).toEqual(all.slice(index))
        }
      }
    })

    test('devices that keep their place are given once, while others are created, changed and deleted', async () => {
      await using opened = await freshStorage(contract)
      const { storage } = opened
      const random = randomNumbers(Math.floor(Math.random() * 2 ** 31))
      const steady = Array.from({ length: 40 }, (_, index) => `s${index}`)
      const moving = Array.from({ length: 20 }, (_, index) => `m${index}`)
      await storage.devices.ensure(
        Sensor,
        [...steady, ...moving].map((id) => device(Sensor, id, { batteryLevel: Math.floor(random() * 9) })),
      )
      const sort: DeviceSort = { by: { of: 'device', name: 'batteryLevel' }, descending: true }
      const seen: string[] = []
      let page = await storage.devices.list(Sensor, EVERY_DEVICE, { limit: 6, sort })
      for (let turn = 0; ; turn++) {
        seen.push(...page.items.map(({ record }) => record.deviceId))
        if (!page.more) break
        await disturb(storage, moving, random, turn)
        const after = page.items.at(-1)?.position
        page = await storage.devices.list(Sensor, EVERY_DEVICE, { limit: 6, sort, after })
      }
      const found = seen.filter((id) => id.startsWith('s'))
      expect(found).toHaveLength(steady.length)
      expect(new Set(found)).toEqual(new Set(steady))
    })
  })
}

async function disturb(
  storage: Storage,
  moving: readonly string[],
  random: () => number,
  turn: number,
): Promise<void> {
  const batteryLevel = () => Math.floor(random() * 9)
  await storage.devices.create(Sensor, device(Sensor, `n${turn}`, { batteryLevel: batteryLevel() }))
  await storage.devices.update(Sensor, pick(random, moving), { batteryLevel: batteryLevel() }, T0)
  await storage.devices.delete(Sensor, pick(random, moving), T0)
}

function inOrder(devices: readonly PlainDevice[], { by, descending }: DeviceSort): PlainDevice[] {
  const bytes = (text: string) => Buffer.from(text)
  const compare = (a: PlainValue, b: PlainValue) =>
    typeof a === 'string' ? Buffer.compare(bytes(a), bytes(String(b))) : Number(a) - Number(b)
  const way = descending ? -1 : 1
  return [...devices].sort((a, b) => {
    const [left, right] = [plainValue(a, by), plainValue(b, by)]
    if (left === null || right === null) {
      if (left !== right) return left === null ? 1 : -1
      return way * compare(a.deviceId, b.deviceId)
    }
    return way * (compare(left, right) || compare(a.deviceId, b.deviceId))
  })
}

function plainValue(device: PlainDevice, { of, name }: DeviceValue): PlainValue {
  if (of === 'device') return device[name as keyof PlainDevice] as PlainValue
  const values = { state: device.state, reading: device.readings, label: device.labels }[of]
  return values[name] ?? null
}
