import type { DeviceRecord } from '@devicehub/core/storage'
import { describe, expect, test } from 'vitest'
import {
  batch,
  device,
  deviceOf,
  entry,
  Meter,
  messagesOf,
  newDevice,
  newId,
  Sensor,
  sample,
  samplesOf,
  store,
  T0,
} from '../fixtures.js'
import { errorOf, type StorageContract, sharedStorage } from '../harness.js'

const comparable = ({ metadata, ...rest }: DeviceRecord) => ({ ...rest, metadata: JSON.parse(metadata) })

const full = (deviceId: string): DeviceRecord =>
  device(Sensor, deviceId, {
    name: `Ünïque 🌡️ "quoted" 'name' \\ ${'x'.repeat(200)}`,
    status: 'low_battery',
    statusAt: T0 + 1,
    batteryLevel: 85.5,
    lastSeen: T0 + 2,
    firmwareVersion: '2.1.0',
    isActive: false,
    sessionAt: T0 + 6,
    mqttUsername: `user-${deviceId}`,
    metadata: '{"site":{"floor":3},"tags":["a","ü"],"nul":"\\u0000"}',
    state: [0.5, 7, true, 'note', 'auto', T0 + 3, '[1,2]', null, null],
    createdAt: T0 + 4,
    updatedAt: T0 + 5,
  })

export function deviceContract(contract: StorageContract): void {
  describe('devices', () => {
    const shared = sharedStorage(contract)

    test.each(['create', 'ensure'] as const)('%s keeps every column', async (how) => {
      const { devices } = shared.storage
      const rich = full(newId())
      const plain = device(Sensor, newId())
      for (const record of [rich, plain]) {
        if (how === 'create') await devices.create(Sensor, record)
        else await devices.ensure(Sensor, [record])
        expect(comparable(await deviceOf(shared.storage, Sensor, record.deviceId))).toEqual(
          comparable(record),
        )
      }
    })

    test('create of an existing id fails with `device_exists` and changes nothing', async () => {
      const { storage } = shared
      const record = full(newId())
      await storage.devices.create(Sensor, record)
      await expect(storage.devices.create(Sensor, device(Sensor, record.deviceId))).rejects.toEqual(
        errorOf('device_exists'),
      )
      expect(comparable(await deviceOf(storage, Sensor, record.deviceId))).toEqual(comparable(record))
      await storage.devices.create(Meter, device(Meter, record.deviceId))
    })

    test('of several creations of one id at once, one succeeds', async () => {
      const { storage, other } = shared
      const deviceId = newId()
      const results = await Promise.allSettled(
        Array.from({ length: 6 }, (_, index) =>
          (index % 2 ? storage : other).devices.create(
            Sensor,
            device(Sensor, deviceId, { name: String(index) }),
          ),
        ),
      )
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      for (const result of results)
        if (result.status === 'rejected') expect(result.reason).toEqual(errorOf('device_exists'))
    })

    test('a user name belongs to one device of the type', async () => {
      const { storage } = shared
      const record = full(newId())
      await storage.devices.create(Sensor, record)
      const { mqttUsername } = record
      const deviceId = newId()
      const taken = device(Sensor, deviceId, { mqttUsername })
      await expect(storage.devices.create(Sensor, taken)).rejects.toEqual(errorOf('credential_taken'))
      await expect(storage.devices.ensure(Sensor, [taken])).rejects.toEqual(errorOf('credential_taken'))
      expect(await storage.devices.find(Sensor, [deviceId])).toEqual([])
      const second = await newDevice(storage, Sensor)
      await expect(storage.devices.update(Sensor, second, { mqttUsername }, T0)).rejects.toEqual(
        errorOf('credential_taken'),
      )
      expect(await deviceOf(storage, Sensor, second)).toMatchObject({ mqttUsername: null })
      await storage.devices.update(Sensor, record.deviceId, { mqttUsername }, T0)
      await newDevice(storage, Meter, { mqttUsername })
      await storage.devices.delete(Sensor, record.deviceId, 0)
      await newDevice(storage, Sensor, { mqttUsername })
    })

    test('ensure does not change existing devices, and accepts repetitions and an empty list', async () => {
      const { storage } = shared
      const [old, fresh] = [full(newId()), newId()]
      await storage.devices.create(Sensor, old)
      await storage.devices.ensure(Sensor, [])
      await storage.devices.ensure(Sensor, [
        device(Sensor, old.deviceId, { name: 'another' }),
        device(Sensor, fresh, { name: 'first' }),
        device(Sensor, fresh, { name: 'second' }),
      ])
      expect(comparable(await deviceOf(storage, Sensor, old.deviceId))).toEqual(comparable(old))
      expect((await deviceOf(storage, Sensor, fresh)).name).toBe('first')
    })

    test('ensure of 2,000 devices by several processes at once, in different orders; find takes 2,000 ids', async () => {
      const { storage, other } = shared
      const ids = Array.from({ length: 2000 }, () => newId('many'))
      const records = ids.map((id) => device(Sensor, id))
      await Promise.all([
        storage.devices.ensure(Sensor, records),
        other.devices.ensure(Sensor, [...records].reverse()),
        other.devices.ensure(Sensor, records.slice(500, 1500)),
      ])
      const found = await storage.devices.find(Sensor, [...ids, newId('missing')])
      expect(found.map(({ deviceId }) => deviceId).sort()).toEqual(ids)
    })

    test('find returns the existing ones of the type, each once', async () => {
      const { storage } = shared
      const [a, b] = [await newDevice(storage, Sensor), await newDevice(storage, Meter)]
      expect(await storage.devices.find(Sensor, [])).toEqual([])
      const found = await storage.devices.find(Sensor, [a, b, newId(), a])
      expect(found.map(({ deviceId }) => deviceId)).toEqual([a])
    })

    test('ids are compared exactly: case, accents, white space, width, and 128 characters', async () => {
      const { storage } = shared
      const base = newId('id')
      const ids = ['a', 'A', 'á', 'ａ', 'a ', 'a.', '%', '_', 'ä', 'ae', '🌡', "'", 'ß', 'ss'].map(
        (end) => base + end,
      )
      ids.push(`${base}${'x'.repeat(127 - base.length)}y`, `${base}${'x'.repeat(127 - base.length)}z`)
      for (const id of ids) await storage.devices.create(Sensor, device(Sensor, id, { name: id }))
      for (const id of ids) expect((await deviceOf(storage, Sensor, id)).name).toBe(id)
      expect(await storage.devices.find(Sensor, ids)).toHaveLength(ids.length)
      expect(await storage.devices.find(Sensor, [`${base.toUpperCase()}a`])).toEqual([])
    })

    describe('update', () => {
      test('changes the named fields, and returns the record', async () => {
        const { storage } = shared
        const before = full(newId())
        await storage.devices.create(Sensor, before)
        const patch = {
          name: 'renamed',
          isActive: true,
          metadata: '{"a":null}',
          batteryLevel: 0,
          status: 'error',
        } as const
        const updated = await storage.devices.update(Sensor, before.deviceId, patch, T0 + 77)
        const expected = comparable({ ...before, ...patch, updatedAt: T0 + 77 })
        expect(updated && comparable(updated)).toEqual(expected)
        expect(comparable(await deviceOf(storage, Sensor, before.deviceId))).toEqual(expected)
      })

      test('accepts null for nullable fields, and state by name', async () => {
        const { storage } = shared
        const before = full(newId())
        await storage.devices.create(Sensor, before)
        const nulls = {
          statusAt: null,
          batteryLevel: null,
          lastSeen: null,
          firmwareVersion: null,
          sessionAt: null,
          mqttUsername: null,
        }
        const state = { note: null, interval: -5, enabled: false, settings: '[1]' }
        const updated = await storage.devices.update(Sensor, before.deviceId, { ...nulls, state }, T0 + 1)
        expect(updated?.state).toEqual([0.5, -5, false, null, 'auto', T0 + 3, '[1]', null, null])
        const stored = await deviceOf(storage, Sensor, before.deviceId)
        expect(comparable(stored)).toEqual(
          comparable({ ...before, ...nulls, state: updated?.state ?? [], updatedAt: T0 + 1 }),
        )
      })

      test('an empty patch sets updated_at only; an unknown device is null', async () => {
        const { storage } = shared
        const before = full(newId())
        await storage.devices.create(Sensor, before)
        const updated = await storage.devices.update(Sensor, before.deviceId, {}, T0 + 9)
        expect(updated && comparable(updated)).toEqual(comparable({ ...before, updatedAt: T0 + 9 }))
        expect(await storage.devices.update(Sensor, newId(), { name: 'x' }, T0)).toBeNull()
        expect(await storage.devices.update(Meter, before.deviceId, { name: 'x' }, T0)).toBeNull()
      })
    })

    test('delete deletes the readings and keeps the messages as the audit trail', async () => {
      const { storage } = shared
      const [gone, kept] = [await newDevice(storage, Sensor), await newDevice(storage, Sensor)]
      const one = (id: string) => [
        sample(Sensor, id, T0, {}, { sampleId: 'a', contentHash: 1 }),
        sample(Sensor, id, T0 + 1),
      ]
      await storage.commit(batch([entry(Sensor, gone, one(gone)), entry(Sensor, kept, one(kept))]))
      expect(await storage.devices.delete(Meter, gone, 0)).toBe(false)
      expect(await storage.devices.delete(Sensor, gone, 0)).toBe(true)
      expect(await storage.devices.delete(Sensor, gone, 0)).toBe(false)
      expect(await storage.devices.find(Sensor, [gone])).toEqual([])
      expect(await samplesOf(storage, Sensor, gone)).toEqual([])
      expect(await storage.readings.latest(Sensor, [gone])).toEqual([])
      expect(await storage.readings.latestSamples(Sensor, [gone])).toEqual([])
      expect(await messagesOf(storage, Sensor, gone)).toHaveLength(1)
      expect(await samplesOf(storage, Sensor, kept)).toHaveLength(2)
      // A new device of the same id starts anew, and so do the identities of its samples.
      await storage.devices.create(Sensor, device(Sensor, gone))
      expect(await store(storage, Sensor, gone, one(gone))).toMatchObject({ duplicates: null })
    })
  })
}
