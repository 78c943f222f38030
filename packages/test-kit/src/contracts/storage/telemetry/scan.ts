import type { Storage } from '@devicehub/core'
import type { ScannedSample, ScanQuery, StoredSample } from '@devicehub/core/storage'
import { describe, expect, test } from 'vitest'
import { newDevice, newId, readingOf, Sensor, sample, samplesOf, store, T0 } from '../fixtures.js'
import { errorOf, everyPage, type StorageContract, sharedStorage } from '../harness.js'

const FIELDS = ['pulses', 'config', 'temperature']

/** Samples of many devices, one device after the other, and single ones. */
export function scanContract(contract: StorageContract): void {
  describe('scan', () => {
    const shared = sharedStorage(contract)

    test('goes through the samples of each device by time and id, whatever the size of its pages', async () => {
      const { storage } = shared
      const ids = await devicesWith(storage, [30, 0, 3, 0, 1, 50, 2])
      const all = new Map<string, readonly StoredSample[]>()
      for (const id of ids) all.set(id, await samplesOf(storage, Sensor, id))
      const query = { deviceIds: ids, fields: FIELDS }
      const narrowed: readonly Partial<ScanQuery>[] = [
        {},
        { order: 'desc' },
        { from: T0 + 3, to: T0 + 9 },
        { having: 'temperature' },
        { having: 'temperature', order: 'desc', to: T0 + 8 },
        { one: true },
        { one: true, order: 'desc', having: 'config' },
        { one: true, from: T0 + 4, having: 'pulses' },
        { envelope: true },
        { fields: ['frame', 'pulses'] },
        { fields: [] },
        { fields: ['pulses'], order: 'desc' },
        { fields: ['pulses'] },
      ]
      for (const more of narrowed)
        for (const limit of [1, 7, 1000]) {
          const what = JSON.stringify({ ...more, limit })
          const { items } = await everyPage((cursor) =>
            storage.readings.scan(Sensor, { ...query, ...more }, { limit, cursor }),
          )
          const groups = inGroups(items)
          expect(
            groups.map(([id]) => id).sort(),
            `${what}: each device is there once, or not at all`,
          ).toEqual([...new Set(items.map(({ deviceId }) => deviceId))].sort())
          const expected = ids.flatMap((id) => {
            const of = scanned(all.get(id) ?? [], { ...query, ...more })
            return of.length === 0 ? [] : [[id, of] as const]
          })
          expect(new Map(groups), what).toEqual(new Map(expected))
        }
    })

    test('a page ends before what its rows hold is more than was asked for', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      const config = JSON.stringify('x'.repeat(100_000))
      for (let index = 0; index < 6; index++)
        await store(storage, Sensor, deviceId, [sample(Sensor, deviceId, T0 + index, { config })])
      const query = { deviceIds: [deviceId], fields: ['config'] }
      const { items, sizes } = await everyPage((cursor) =>
        storage.readings.scan(Sensor, query, { limit: 100, maxBytes: 250_000, cursor }),
      )
      expect(items.map(({ values }) => values[0])).toEqual(Array(6).fill(config))
      expect(Math.max(...sizes)).toBeLessThanOrEqual(2)
    })

    test('a reading that is not declared, and a cursor of another list, are `invalid_query`', async () => {
      const { readings } = shared.storage
      const scan = (query: Partial<ScanQuery>, cursor?: string) =>
        readings.scan(Sensor, { deviceIds: ['a'], fields: [], ...query }, { limit: 5, cursor })
      for (const query of [{ fields: ['nothing'] }, { having: 'nothing' }])
        await expect(scan(query)).rejects.toEqual(errorOf('invalid_query'))
      for (const cursor of ['nonsense', 'readings.5.5', 'scan.9.', "scan.0.' or 1=1"])
        await expect(scan({}, cursor)).rejects.toEqual(errorOf('invalid_query'))
      expect(await scan({ deviceIds: [] })).toEqual({ items: [], cursor: null })
    })

    test('one sample by the id of its row; of an id that no row has there is none', async () => {
      const { storage } = shared
      const [id = ''] = await devicesWith(storage, [5])
      for (const each of await samplesOf(storage, Sensor, id))
        expect(await storage.readings.get(Sensor, each.id)).toEqual(each)
      for (const other of ['0', '999999999999', '-1', '', 'abc', '1e3', "1' or '1'='1"])
        expect(await storage.readings.get(Sensor, other)).toBeNull()
    })

    test('a list of some readings has their values', async () => {
      const { storage } = shared
      const [deviceId = ''] = await devicesWith(storage, [20])
      const all = await samplesOf(storage, Sensor, deviceId)
      for (const fields of [['temperature'], ['frame', 'pulses'], [], Sensor.readingNames]) {
        const { items } = await everyPage((cursor) =>
          storage.readings.list(Sensor, { deviceId, order: 'asc', fields }, { limit: 7, cursor }),
        )
        const pick = (one: StoredSample) => [
          one.id,
          one.timestamp,
          ...fields.map((name) => readingOf(Sensor, one, name)),
        ]
        expect(items.map(pick)).toEqual(all.map(pick))
      }
    })
  })
}

/** New devices with so many samples each, several of them with the same time, stored in no order. */
async function devicesWith(storage: Storage, counts: readonly number[]): Promise<string[]> {
  const ids: string[] = []
  for (const count of counts) {
    const deviceId = newId()
    ids.push(deviceId)
    const samples = Array.from({ length: count }, (_, index) =>
      sample(Sensor, deviceId, T0 + ((index * 7) % 11), {
        pulses: index,
        temperature: index % 3 === 0 ? null : index / 4,
        config: index % 4 === 0 ? JSON.stringify('y'.repeat(index * 100)) : null,
        frame: Uint8Array.from([index]),
      }),
    )
    if (count > 0) await store(storage, Sensor, deviceId, samples)
  }
  return ids
}

/** Of neighbours with the same device. */
function inGroups(items: readonly ScannedSample[]): [string, ScannedSample[]][] {
  const groups: [string, ScannedSample[]][] = []
  for (const item of items) {
    const last = groups.at(-1)
    if (last?.[0] === item.deviceId) last[1].push(item)
    else groups.push([item.deviceId, [item]])
  }
  return groups
}

/** `samples`: of one device, ascending. */
function scanned(
  samples: readonly StoredSample[],
  { fields, from = -Infinity, to = Infinity, order, having, one, envelope }: ScanQuery,
): ScannedSample[] {
  const found = samples
    .filter(({ timestamp }) => timestamp >= from && timestamp < to)
    .filter((each) => having === undefined || readingOf(Sensor, each, having) !== null)
  const ordered = order === 'desc' ? found.reverse() : found
  return ordered.slice(0, one ? 1 : ordered.length).map((each) => ({
    id: each.id,
    deviceId: each.deviceId,
    timestamp: each.timestamp,
    values: fields.map((name) => readingOf(Sensor, each, name)),
    envelope: envelope
      ? {
          receivedAt: each.receivedAt,
          orderAt: each.orderAt,
          sampleId: each.sampleId,
          contentHash: each.contentHash,
          flags: each.flags,
        }
      : null,
  }))
}
