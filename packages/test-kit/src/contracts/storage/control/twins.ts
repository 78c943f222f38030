import type { Storage } from '@devicehub/core'
import type { ReportOutcome, StateReport, TwinRecord } from '@devicehub/core/storage'
import type { StoredValue } from '@devicehub/core/transport'
import { describe, expect, test } from 'vitest'
import { waitUntil } from '../../../services/wait-until.js'
import {
  ALL_BYTES,
  batch,
  device,
  deviceOf,
  entry,
  Meter,
  messagesOf,
  newDevice,
  newId,
  Sensor,
  T0,
} from '../fixtures.js'
import { type StorageContract, sharedStorage } from '../harness.js'

const LONG = 600_000
const claimOf = (claim: string, ttl = LONG, types: readonly string[] = [Sensor.key]) => ({
  claim,
  ttl,
  types,
  limit: 1000,
})

export function twinContract(contract: StorageContract): void {
  describe('twins', () => {
    const shared = sharedStorage(contract)

    const twinOf = async (storage: Storage, deviceId: string): Promise<TwinRecord> => {
      const record = await storage.twins.get(Sensor, deviceId)
      if (!record) throw new Error(`${deviceId} is not there`)
      return record
    }
    const set = (storage: Storage, deviceId: string, patch: Record<string, unknown>, ifVersion?: number) =>
      storage.twins.setDesired({
        type: Sensor,
        deviceId,
        patch,
        at: T0,
        ...(ifVersion !== undefined && { ifVersion }),
      })
    const due = async (storage: Storage, deviceId: string, claim: string, ttl = LONG) =>
      (await storage.twins.claimDue(claimOf(claim, ttl))).filter((twin) => twin.deviceId === deviceId)
    const published = (storage: Storage, deviceId: string, version: number, claim: string) =>
      storage.commit(
        batch([
          {
            ...entry(Sensor, deviceId, [], { channel: 'desired', direction: 'out' }),
            desired: { version, claim },
          },
        ]),
      )
    const report = async (
      storage: Storage,
      deviceId: string,
      values: Record<string, StoredValue>,
      more: Partial<StateReport> = {},
    ): Promise<ReportOutcome | undefined> => {
      const made = {
        ...entry(Sensor, deviceId, [], { channel: 'state' }),
        report: { values, version: null, at: T0, ...more },
      }
      return (await storage.commit(batch([made]))).reports?.get(0)
    }
    const stateValue = async (storage: Storage, deviceId: string, name: string) =>
      (await deviceOf(storage, Sensor, deviceId)).state[Sensor.stateNames.indexOf(name)]

    test('a device without one has version 0; an unknown device has none', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      expect(await storage.twins.get(Sensor, deviceId)).toEqual({
        desired: {},
        desiredAt: {},
        version: 0,
        publishedVersion: 0,
        reportedVersion: null,
        reportedAt: {},
        state: Sensor.stateNames.map(() => null),
      })
      expect(await storage.twins.get(Sensor, newId('nobody'))).toBeNull()
      expect(await set(storage, newId('nobody'), { interval: 1 })).toEqual({ outcome: 'device_not_found' })
      const idle = await newDevice(storage, Sensor, { isActive: false })
      expect(await set(storage, idle, { interval: 1 })).toEqual({ outcome: 'device_inactive' })
    })

    test('patches are merged, null removes a field, and every change is a new version', async () => {
      const { storage, other } = shared
      const deviceId = await newDevice(storage, Sensor)
      await set(storage, deviceId, { interval: 5, settings: { a: [1, 'ü'] } })
      const done = await set(other, deviceId, { interval: null, note: 'x' })
      expect(done).toMatchObject({ outcome: 'set', record: { version: 2 } })
      expect(await twinOf(storage, deviceId)).toMatchObject({
        version: 2,
        desired: { settings: { a: [1, 'ü'] }, note: 'x' },
        desiredAt: { settings: T0, note: T0 },
      })
      expect(Object.keys((await twinOf(storage, deviceId)).desired).sort()).toEqual(['note', 'settings'])
    })

    test('of ten writers with one ifVersion, one succeeds', async () => {
      const { storage, other } = shared
      const deviceId = await newDevice(storage, Sensor)
      for (let version = 0; version < 3; version++) {
        const tries = await Promise.all(
          Array.from({ length: 10 }, (_, n) =>
            set(n % 2 ? storage : other, deviceId, { interval: n }, version),
          ),
        )
        expect(tries.filter(({ outcome }) => outcome === 'set')).toHaveLength(1)
        for (const lost of tries.filter(({ outcome }) => outcome !== 'set'))
          expect(lost).toEqual({ outcome: 'conflict', version: version + 1 })
      }
    })

    test('changed ones are given to one caller each for publication, by type', async () => {
      const { storage, other } = shared
      const deviceId = await newDevice(storage, Sensor)
      await set(storage, deviceId, { interval: 5 })
      expect(await storage.twins.claimDue(claimOf('me', LONG, [Meter.key]))).toEqual([])
      expect(await storage.twins.claimDue(claimOf('me', LONG, []))).toEqual([])
      const given = await Promise.all([due(storage, deviceId, 'me'), due(other, deviceId, 'you')])
      expect(given.flat()).toEqual([{ typeKey: Sensor.key, deviceId, version: 1, desired: { interval: 5 } }])
      const [claim] = given[0]?.length ? ['me'] : ['you']
      await published(storage, deviceId, 1, claim as string)
      expect((await twinOf(storage, deviceId)).publishedVersion).toBe(1)
      expect(await due(storage, deviceId, 'me')).toEqual([])
      expect(await messagesOf(storage, Sensor, deviceId)).toHaveLength(1)
    })

    test('released ones, and those whose claim is over, are given out again', async () => {
      const { storage, other } = shared
      const deviceId = await newDevice(storage, Sensor)
      await set(storage, deviceId, { interval: 5 })
      expect(await due(storage, deviceId, 'me', 300)).toHaveLength(1)
      await waitUntil('the claim to end', async () => (await due(other, deviceId, 'you')).length === 1)
      await storage.twins.release('me', [{ typeKey: Sensor.key, deviceId }], 0)
      expect(await due(storage, deviceId, 'me')).toEqual([])
      await other.twins.release('you', [{ typeKey: Sensor.key, deviceId }], 0)
      expect(await due(storage, deviceId, 'me')).toHaveLength(1)
    })

    test('one that changes while it is published is due again afterwards, not at the same time', async () => {
      const { storage, other } = shared
      const deviceId = await newDevice(storage, Sensor)
      await set(storage, deviceId, { interval: 1 })
      expect(await due(storage, deviceId, 'me')).toHaveLength(1)
      await set(other, deviceId, { interval: 2 })
      expect(await due(other, deviceId, 'you')).toEqual([])
      await published(storage, deviceId, 1, 'me')
      expect(await due(other, deviceId, 'you')).toMatchObject([{ version: 2 }])
      await published(other, deviceId, 2, 'you')
      expect(await due(storage, deviceId, 'me')).toEqual([])
      expect((await twinOf(storage, deviceId)).publishedVersion).toBe(2)
    })

    test.each(['late first', 'new first'])(
      'a publisher that comes back late has the newest published once more (%s)',
      async (order) => {
        const { storage, other } = shared
        const deviceId = await newDevice(storage, Sensor)
        await set(storage, deviceId, { interval: 1 })
        expect(await due(storage, deviceId, 'late', 1)).toHaveLength(1)
        await set(other, deviceId, { interval: 2 })
        await waitUntil('the claim to end', async () => (await due(other, deviceId, 'new')).length === 1)
        const notes = [
          () => published(storage, deviceId, 1, 'late'),
          () => published(other, deviceId, 2, 'new'),
        ]
        for (const note of order === 'late first' ? notes : notes.reverse()) await note()
        expect(await due(other, deviceId, 'third')).toMatchObject([{ version: 2 }])
        expect((await twinOf(storage, deviceId)).publishedVersion).toBe(2)
      },
    )

    test('a deleted device leaves an empty document to publish, and its versions continue', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      await set(storage, deviceId, { interval: 1 })
      await due(storage, deviceId, 'me')
      await published(storage, deviceId, 1, 'me')
      await report(storage, deviceId, { interval: 1 }, { version: 1 })
      await storage.devices.delete(Sensor, deviceId, T0)
      expect(await storage.twins.get(Sensor, deviceId)).toBeNull()
      expect(await due(storage, deviceId, 'me')).toEqual([
        { typeKey: Sensor.key, deviceId, version: 2, desired: null },
      ])
      await published(storage, deviceId, 2, 'me')
      expect(await due(storage, deviceId, 'me')).toEqual([])
      await storage.devices.create(Sensor, device(Sensor, deviceId))
      expect(await twinOf(storage, deviceId)).toMatchObject({
        version: 2,
        desired: {},
        reportedAt: {},
        reportedVersion: null,
      })
      await set(storage, deviceId, { interval: 2 })
      expect(await due(storage, deviceId, 'me')).toMatchObject([{ version: 3, desired: { interval: 2 } }])
      const never = await newDevice(storage, Sensor)
      await report(storage, never, { interval: 1 })
      await storage.devices.delete(Sensor, never, T0)
      expect(await due(storage, never, 'me')).toEqual([])
    })

    test('reports are stored in columns of the device, for every kind', async () => {
      const { storage, other } = shared
      const deviceId = await newDevice(storage, Sensor, { updatedAt: T0 })
      const values: Record<string, StoredValue> = {
        offset: 0.1,
        interval: Number.MAX_SAFE_INTEGER,
        enabled: false,
        note: 'ü "x"',
        profile: 'Ünknown',
        serviced_at: T0 + 1,
        settings: '{"a":[1,null]}',
        key: ALL_BYTES,
        place: '{"lat":1,"lon":2}',
      }
      const outcome = await report(storage, deviceId, values, { version: 7, at: T0 + 5 })
      expect([...(outcome?.applied ?? [])].sort()).toEqual(Object.keys(values).sort())
      const inOrder = Sensor.stateNames.map((name) => values[name] ?? null)
      expect(outcome?.record.state).toEqual(inOrder)
      const record = await twinOf(other, deviceId)
      expect(
        record.state.map((value) => (value instanceof Uint8Array ? Uint8Array.from(value) : value)),
      ).toEqual(inOrder)
      expect(record).toMatchObject({ reportedVersion: 7, reportedAt: { note: { at: T0 + 5, version: 7 } } })
      expect(await report(storage, deviceId, { note: null }, { at: T0 + 6, version: 7 })).toMatchObject({
        applied: ['note'],
      })
      expect(await stateValue(storage, deviceId, 'note')).toBeNull()
      expect(await stateValue(storage, deviceId, 'interval')).toBe(Number.MAX_SAFE_INTEGER)
    })

    test('invariant 4: a late report changes nothing, field by field, and its audit row says so', async () => {
      const { storage, other } = shared
      const deviceId = await newDevice(storage, Sensor)
      await report(storage, deviceId, { interval: 2 }, { at: T0 + 2 })
      expect(await report(other, deviceId, { interval: 1, note: 'a' }, { at: T0 + 1 })).toMatchObject({
        applied: ['note'],
      })
      expect(await report(other, deviceId, { interval: 0 }, { at: T0 })).toMatchObject({ applied: [] })
      expect(await stateValue(storage, deviceId, 'interval')).toBe(2)
      const flags = (await messagesOf(storage, Sensor, deviceId)).map((row) => row.flags)
      expect(flags).toEqual(['stale_report', null, null])
    })

    test('the version counts before the time, and the next version is above what the device knows', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      await report(storage, deviceId, { interval: 2 }, { version: 9, at: T0 })
      expect(await report(storage, deviceId, { interval: 1 }, { version: 8, at: T0 + 9 })).toMatchObject({
        applied: [],
      })
      expect(await report(storage, deviceId, { interval: 3 }, { version: 10, at: T0 - 9 })).toMatchObject({
        applied: ['interval'],
        record: { reportedVersion: 10 },
      })
      expect(await set(storage, deviceId, { interval: 4 })).toMatchObject({ record: { version: 11 } })
    })

    test('a reported version above every issued one is ignored', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      await set(storage, deviceId, { interval: 1 })
      await report(storage, deviceId, { interval: 1 }, { version: Number.MAX_SAFE_INTEGER, at: T0 })
      expect(await set(storage, deviceId, { interval: 2 })).toMatchObject({ record: { version: 2 } })
      expect(await set(storage, deviceId, { interval: 3 })).toMatchObject({ record: { version: 3 } })
    })

    test('reports of one batch apply in order; those of an unknown device are discarded', async () => {
      const { storage } = shared
      const [deviceId, nobody] = [await newDevice(storage, Sensor), newId('nobody')]
      const made = (id: string, interval: number, at: number) => ({
        ...entry(Sensor, id, [], { channel: 'state' }),
        report: { values: { interval }, version: null, at },
      })
      const { reports } = await storage.commit(
        batch([
          made(deviceId, 1, T0 + 1),
          made(nobody, 5, T0),
          made(deviceId, 3, T0 + 3),
          made(deviceId, 2, T0 + 2),
        ]),
      )
      expect([...(reports ?? [])].map(([index, { applied }]) => [index, applied])).toEqual([
        [0, ['interval']],
        [2, ['interval']],
        [3, []],
      ])
      expect(await stateValue(storage, deviceId, 'interval')).toBe(3)
      expect(await messagesOf(storage, Sensor, nobody)).toHaveLength(1)
    })
  })
}
