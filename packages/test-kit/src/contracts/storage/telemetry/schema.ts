import { type AnyDeviceType, defineDeviceType, reading, state } from '@devicehub/core'
import { describe, expect, test } from 'vitest'
import { batch, device, entry, Meter, newId, Sensor, sample, samplesOf, T0 } from '../fixtures.js'
import { freshStorage, type StorageContract } from '../harness.js'

export function schemaContract(contract: StorageContract): void {
  describe('schema', () => {
    test('after migrate the plan is empty, and a second migrate does nothing', async () => {
      await using opened = await freshStorage(contract)
      expect(await opened.storage.plan()).toEqual({ steps: [] })
      expect(await opened.storage.migrate()).toEqual({ steps: [] })
    })

    test('closing twice is fine', async () => {
      await using opened = await freshStorage(contract)
      await opened.storage.close()
      await opened.storage.close()
    })

    test('two processes may migrate an empty database at once', async () => {
      const types = [Sensor, Meter]
      const made = await contract.make(types)
      const storages = [made.adapter.open({ types })]
      if (contract.capabilities.secondStorage && made.connect)
        storages.push((await made.connect()).open({ types }), (await made.connect()).open({ types }))
      try {
        await Promise.all(storages.map((storage) => storage.migrate()))
        for (const storage of storages) expect(await storage.plan()).toEqual({ steps: [] })
      } finally {
        for (const storage of storages) await storage.close()
        await made.cleanup()
      }
    })

    test('names may be words of SQL, long or of mixed case, and a type may have no reading at all', async () => {
      const long = 'l'.repeat(63)
      const Order: AnyDeviceType = defineDeviceType(`order_${'t'.repeat(35)}`, {
        readings: {
          order: reading.float(),
          Select: reading.string(),
          [long]: reading.integer(),
          status: reading.float(),
        },
        state: { group: state.string(), Default: state.integer(), [long]: state.boolean() },
      })
      const Beacon: AnyDeviceType = defineDeviceType('Select')
      await using opened = await freshStorage(contract, [Order, Beacon])
      const { storage } = opened
      await storage.devices.ensure(Order, [device(Order, 'd', { state: ['g', 1, true] })])
      await storage.devices.ensure(Beacon, [device(Beacon, 'd')])
      const values = { order: 1.5, Select: 'from', [long]: 3, status: 4 }
      await storage.commit(
        batch([
          entry(Order, 'd', [sample(Order, 'd', T0, values)]),
          entry(Beacon, 'd', [sample(Beacon, 'd', T0, {}, { sampleId: 'a', contentHash: 1 })]),
        ]),
      )
      expect((await samplesOf(storage, Order, 'd')).map((one) => one.values)).toEqual([[1.5, 'from', 3, 4]])
      expect(await samplesOf(storage, Beacon, 'd')).toMatchObject([{ values: [], sampleId: 'a' }])
      const patched = await storage.devices.update(Order, 'd', { state: { Default: 2, [long]: false } }, T0)
      expect(patched?.state).toEqual(['g', 2, false])
      for (const field of Order.readingNames)
        expect(
          await storage.readings.aggregate(Order, { field, fn: 'count', interval: 'day' }),
        ).toMatchObject([{ result: 1 }])
      expect(await storage.plan()).toEqual({ steps: [] })
    })

    const second = test.runIf(contract.capabilities.secondStorage)

    second('what was committed is there when the database is opened again', async () => {
      await using opened = await freshStorage(contract)
      const deviceId = newId()
      await opened.storage.devices.ensure(Sensor, [device(Sensor, deviceId)])
      await opened.storage.commit(batch([entry(Sensor, deviceId, [sample(Sensor, deviceId, T0)])]))
      await opened.storage.close()
      const again = await opened.second()
      expect(await again.devices.find(Sensor, [deviceId])).toHaveLength(1)
      expect(await samplesOf(again, Sensor, deviceId)).toHaveLength(1)
      expect((await again.messages.list(Sensor, { deviceId }, { limit: 10 })).items).toHaveLength(1)
    })

    second('a type gains a reading and a state field: rows from before have null there', async () => {
      const Before = defineDeviceType('ContractGrowing', {
        readings: { a: reading.float() },
        state: { x: state.string() },
      })
      const After = defineDeviceType('ContractGrowing', {
        readings: { first: reading.string(), a: reading.float(), b: reading.integer() },
        state: { x: state.string(), y: state.integer() },
      })
      await using opened = await freshStorage(contract, [Before])
      const deviceId = newId()
      await opened.storage.devices.ensure(Before, [device(Before, deviceId, { state: ['kept'] })])
      await opened.storage.commit(
        batch([entry(Before, deviceId, [sample(Before, deviceId, T0, { a: 1.5 })])]),
      )
      const grown = await opened.second([After])
      await grown.migrate()
      expect(await grown.plan()).toEqual({ steps: [] })
      await grown.commit(
        batch([entry(After, deviceId, [sample(After, deviceId, T0 + 1, { first: 'f', a: 2.5, b: 7 })])]),
      )
      expect((await samplesOf(grown, After, deviceId)).map(({ values }) => values)).toEqual([
        [null, 1.5, null],
        ['f', 2.5, 7],
      ])
      const [found] = await grown.devices.find(After, [deviceId])
      expect(found?.state).toEqual(['kept', null])
      expect(await grown.readings.aggregate(After, { field: 'b', fn: 'count', deviceId })).toEqual([
        { bucket: null, result: 1 },
      ])
    })
  })
}
