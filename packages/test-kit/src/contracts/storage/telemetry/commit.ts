import { defineDeviceType, reading } from '@devicehub/core'
import type { CommitBatch } from '@devicehub/core/storage'
import { describe, expect, test } from 'vitest'
import {
  batch,
  change,
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
import { errorOf, freshStorage, type StorageContract, sharedStorage } from '../harness.js'

export function commitContract(contract: StorageContract): void {
  describe('commit', () => {
    const shared = sharedStorage(contract)

    test('an empty batch is fine and changes nothing', async () => {
      const { storage } = shared
      const end = await storage.log.end([Sensor, Meter, null])
      expect(await storage.commit(batch([]))).toEqual({
        duplicates: null,
        duplicateSamples: null,
        reusedIds: null,
        transitions: [],
        devices: [],
        commands: null,
        reports: null,
      })
      expect((await storage.log.read([Sensor, Meter, null], end, 10)).messages).toEqual([])
    })

    test('a batch of touches and changes alone is fine', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      const { transitions } = await storage.commit(
        batch([], { changes: [change(Sensor, deviceId, T0, { status: { value: 'online' } })] }),
      )
      expect(transitions).toHaveLength(1)
      await storage.commit(batch([], { touches: [{ type: Sensor, deviceId, lastSeen: T0 + 5 }] }))
      expect(await deviceOf(storage, Sensor, deviceId)).toMatchObject({ status: 'online', lastSeen: T0 + 5 })
    })

    test('entries of several types and of none share a batch, each in its own table', async () => {
      const { storage } = shared
      const [a, b] = [await newDevice(storage, Sensor), await newDevice(storage, Meter)]
      const result = await storage.commit(
        batch([
          entry(Sensor, a, [sample(Sensor, a, T0, { temperature: 1 })]),
          entry(null, a, [], { status: 'quarantined' }),
          entry(Meter, b, [sample(Meter, b, T0, { temperature: 2, total: 3 })]),
          entry(Sensor, a, [sample(Sensor, a, T0 + 1, { temperature: 4 })]),
          entry(Sensor, a, [], { status: 'rejected', code: 'invalid_json' }),
        ]),
      )
      expect(result).toEqual({
        duplicates: null,
        duplicateSamples: null,
        reusedIds: null,
        transitions: [],
        devices: [],
        commands: null,
        reports: null,
      })
      expect((await samplesOf(storage, Sensor, a)).map((s) => s.values[0])).toEqual([1, 4])
      expect((await samplesOf(storage, Meter, b)).map((s) => s.values)).toEqual([[2, 3]])
      expect(await samplesOf(storage, Meter, a)).toEqual([])
      expect((await messagesOf(storage, Sensor, a)).map((m) => m.status)).toEqual([
        'rejected',
        'processed',
        'processed',
      ])
      expect(await messagesOf(storage, null, a)).toHaveLength(1)
      expect(await messagesOf(storage, Meter, b)).toHaveLength(1)
      expect(await messagesOf(storage, null, b)).toHaveLength(0)
    })

    test('invariant 3: every message of a batch leaves one audit row, in order of arrival', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      const statuses = ['processed', 'rejected', 'quarantined', 'processed', 'rejected'] as const
      await storage.commit(
        batch(
          statuses.map((status, index) =>
            entry(Sensor, deviceId, status === 'processed' ? [sample(Sensor, deviceId, T0 + index)] : [], {
              status,
              reason: status === 'processed' ? null : `reason ${index}`,
            }),
          ),
        ),
      )
      const stored = [...(await messagesOf(storage, Sensor, deviceId))].reverse()
      expect(stored.map(({ status, reason }) => [status, reason])).toEqual([
        ['processed', null],
        ['rejected', 'reason 1'],
        ['quarantined', 'reason 2'],
        ['processed', null],
        ['rejected', 'reason 4'],
      ])
    })

    test('the devices that were changed are told as their rows are then, what others wrote included', async () => {
      const { storage } = shared
      const [a, b] = [await newDevice(storage, Sensor), await newDevice(storage, Meter)]
      await storage.commit(batch([], { changes: [change(Sensor, a, T0, { batteryLevel: 9 })] }))
      const { devices } = await storage.commit(
        batch([entry(Sensor, a, [])], {
          touches: [{ type: Meter, deviceId: b, lastSeen: T0 }],
          changes: [
            change(Sensor, a, T0 + 5, { status: { value: 'online' } }),
            change(Sensor, a, T0 + 6, { firmwareVersion: '2.0' }),
            change(Sensor, a, T0 - 5, { batteryLevel: 80 }),
            change(Sensor, newId(), T0, { status: { value: 'online' } }),
          ],
        }),
      )
      const { status, statusAt, statusClaimedAt, batteryLevel, firmwareVersion, lastSeen, sessionAt } =
        await deviceOf(storage, Sensor, a)
      expect(devices).toEqual([
        {
          type: Sensor,
          deviceId: a,
          change: 2,
          live: { status, statusAt, statusClaimedAt, batteryLevel, firmwareVersion, lastSeen, sessionAt },
        },
      ])
      expect({ status, batteryLevel, firmwareVersion }).toEqual({
        status: 'online',
        batteryLevel: 9,
        firmwareVersion: '2.0',
      })
    })

    test('the ids of the audit rows are told to who wants them, in the order of the entries', async () => {
      const { storage } = shared
      const [a, b] = [await newDevice(storage, Sensor), await newDevice(storage, Meter)]
      const entries = Array.from({ length: 70 }, (_, n) => [
        entry(Sensor, a, [sample(Sensor, a, T0 + (n % 60), { temperature: 1 })], { reason: `a${n}` }),
        entry(null, a, [], { reason: `none${n}` }),
        entry(Meter, b, [], { reason: `b${n}` }),
      ]).flat()
      const changes = [change(Sensor, a, T0, { status: { value: 'online' } })]
      // Plainly, in a transaction, and again with everything stored before.
      for (const more of [{}, { changes }, { changes: [] }]) {
        const { messageIds } = await storage.commit({ ...batch(entries, more), wantsIds: true })
        expect(messageIds).toHaveLength(entries.length)
        for (const [index, { type, message }] of entries.entries()) {
          const ref = { typeKey: type?.key ?? null, id: messageIds?.[index] as string }
          expect((await storage.messages.get(ref))?.reason).toBe(message.reason)
        }
      }
      expect((await storage.commit(batch(entries))).messageIds).toBeUndefined()
    })

    test('a batch of 5,000 messages is one commit', async () => {
      const { storage } = shared
      const ids = Array.from({ length: 50 }, () => newId())
      await storage.devices.ensure(
        Sensor,
        ids.map((id) => device(Sensor, id)),
      )
      const entries = Array.from({ length: 5000 }, (_, index) => {
        const id = ids[index % 50] as string
        const samples = [
          sample(Sensor, id, T0 + index, { pulses: index }, { sampleId: `s${index}`, contentHash: index }),
        ]
        return entry(Sensor, id, samples, { correlationId: String(index) })
      })
      const touches = ids.map((deviceId, index) => ({ type: Sensor, deviceId, lastSeen: T0 + index }))
      expect(await storage.commit(batch(entries, { touches }))).toMatchObject({ duplicates: null })
      for (const [offset, id] of ids.entries()) {
        const expected = Array.from({ length: 100 }, (_, index) => index * 50 + offset)
        expect((await samplesOf(storage, Sensor, id)).map((s) => s.values[1])).toEqual(expected)
        expect((await messagesOf(storage, Sensor, id)).map((m) => Number(m.correlationId)).reverse()).toEqual(
          expected,
        )
        expect((await deviceOf(storage, Sensor, id)).lastSeen).toBe(T0 + offset)
      }
    })

    test('an entry of 10,000 samples is one commit', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      const samples = Array.from({ length: 10_000 }, (_, index) =>
        sample(
          Sensor,
          deviceId,
          T0 + index,
          {
            temperature: index / 8,
            pulses: index,
            open: index % 2 === 0,
            label: `n${index}`,
            config: '{"a":1}',
          },
          { contentHash: index },
        ),
      )
      expect(await store(storage, Sensor, deviceId, samples)).toMatchObject({ duplicates: null })
      const stored = await samplesOf(storage, Sensor, deviceId)
      expect(stored.map((s) => s.values[1])).toEqual(samples.map((s) => s.values[1]))
      expect(await store(storage, Sensor, deviceId, samples)).toMatchObject({ duplicates: [10_000] })
    })

    describe('is all or nothing', () => {
      const Undeclared = defineDeviceType('ContractUndeclared', {
        readings: { temperature: reading.float() },
      })

      /** A batch that touches everything a commit can touch, with identities, and ends with what cannot be done. */
      const spoil: Readonly<Record<string, ((good: CommitBatch) => CommitBatch) | null>> = {
        'a replay of a message that is not there': (good) => ({
          ...good,
          entries: [
            ...good.entries,
            { ...entry(Sensor, null), replayOf: { typeKey: Sensor.key, id: '999999999' } },
          ],
        }),
        'a type that the storage was not opened with': (good) => ({
          ...good,
          entries: [...good.entries, entry(Undeclared, 'x', [sample(Undeclared, 'x', T0)])],
        }),
        'data that the database refuses': contract.capabilities.refuse
          ? ({ entries, ...rest }) => ({
              ...rest,
              entries: entries.map((one, index) =>
                index === entries.length - 1 ? (contract.capabilities.refuse?.(one) ?? one) : one,
              ),
            })
          : null,
      }

      for (const [what, spoiled] of Object.entries(spoil))
        test.runIf(spoiled)(`invariant 1: ${what} fails the batch and leaves nothing of it`, async () => {
          await using opened = await freshStorage(contract)
          const { storage } = opened
          const [a, b] = [await newDevice(storage, Sensor), await newDevice(storage, Meter)]
          const good = batch(
            [
              entry(Sensor, a, [
                sample(Sensor, a, T0, { temperature: 1 }, { sampleId: 'one', contentHash: 1 }),
              ]),
              entry(null, null),
              entry(Meter, b, [sample(Meter, b, T0, { temperature: 2 }, { contentHash: 5 })]),
              entry(Sensor, a, [
                sample(Sensor, a, T0 + 1, { temperature: 1 }, { sampleId: 'two', contentHash: 2 }),
              ]),
            ],
            {
              touches: [{ type: Meter, deviceId: b, lastSeen: T0 + 7 }],
              changes: [change(Sensor, a, T0, { status: { value: 'online' }, batteryLevel: 5 })],
            },
          )
          const before = [await deviceOf(storage, Sensor, a), await deviceOf(storage, Meter, b)]
          const end = await storage.log.end([Sensor, Meter, null])

          await expect(
            storage.commit((spoiled as (good: CommitBatch) => CommitBatch)(good)),
          ).rejects.toMatchObject({
            name: 'DeviceHubError',
            code: expect.not.stringMatching('storage_unavailable'),
          })
          expect(await samplesOf(storage, Sensor, a)).toEqual([])
          expect(await samplesOf(storage, Meter, b)).toEqual([])
          expect(await storage.readings.latest(Sensor, [a])).toEqual([])
          expect(await storage.readings.latestSamples(Sensor, [a])).toEqual([])
          for (const type of [Sensor, Meter, null])
            expect((await storage.messages.list(type, {}, { limit: 10 })).items).toEqual([])
          expect((await storage.log.read([Sensor, Meter, null], end, 10)).messages).toEqual([])
          expect([await deviceOf(storage, Sensor, a), await deviceOf(storage, Meter, b)]).toEqual(before)

          const result = await storage.commit(good)
          expect(result.duplicates, 'no identity of the failed batch was kept').toBeNull()
          expect(result.transitions).toHaveLength(1)
          expect((await storage.log.read([Sensor, Meter, null], end, 10)).messages).toHaveLength(4)
        })

      test.runIf(contract.capabilities.refuse)(
        'refused data is `storage_failed`: trying again does not help',
        async () => {
          const { storage } = shared
          const deviceId = await newDevice(storage, Sensor)
          const good = entry(Sensor, deviceId, [sample(Sensor, deviceId, T0)])
          await expect(storage.commit(batch([contract.capabilities.refuse?.(good) ?? good]))).rejects.toEqual(
            errorOf('storage_failed'),
          )
        },
      )
    })
  })
}
