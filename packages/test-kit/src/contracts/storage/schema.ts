import { describe, expect, test } from 'vitest'
import { batch, declareType, device, entry, Meter, newId, Sensor, sample, samplesOf, T0 } from './fixtures.js'
import { freshStorage, type StorageContract } from './harness.js'

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
      const Before = declareType('ContractGrowing', { a: 'float' }, { state: { x: 'string' } })
      const After = declareType(
        'ContractGrowing',
        { first: 'string', a: 'float', b: 'integer' },
        { state: { x: 'string', y: 'integer' } },
      )
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
