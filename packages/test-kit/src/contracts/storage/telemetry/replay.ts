import type { MessageRef, MessageStatus, Storage } from '@devicehub/core'
import type { CommitEntry } from '@devicehub/core/storage'
import { describe, expect, test } from 'vitest'
import {
  batch,
  entry,
  message,
  messagesOf,
  newDevice,
  newId,
  Sensor,
  sample,
  samplesOf,
  statusesOf,
  T0,
} from '../fixtures.js'
import { errorOf, type StorageContract, sharedStorage } from '../harness.js'

export function replayContract(contract: StorageContract): void {
  describe('replay', () => {
    const shared = sharedStorage(contract)

    async function stored(
      storage: Storage,
      type: typeof Sensor | null,
      status: MessageStatus,
    ): Promise<MessageRef> {
      const deviceId = newId()
      await storage.commit(batch([entry(type, deviceId, [], { status, reason: 'why' })]))
      const [found] = await messagesOf(storage, type, deviceId)
      return { typeKey: type?.key ?? null, id: found?.id ?? '' }
    }

    const replaying = (
      deviceId: string,
      replayOf: MessageRef,
      more: Partial<CommitEntry> = {},
    ): CommitEntry => ({
      type: Sensor,
      message: message({ deviceId }),
      samples: [sample(Sensor, deviceId, T0, { temperature: 1 })],
      replayOf,
      ...more,
    })

    test.each([
      ['rejected', Sensor],
      ['quarantined', Sensor],
      ['quarantined', null],
    ] as const)('invariant 3: a %s message of %s is replayed once', async (status, type) => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      const ref = await stored(storage, type, status)
      await storage.commit(batch([replaying(deviceId, ref)]))
      expect(await storage.messages.get(ref)).toMatchObject({ status: 'replayed', reason: 'why' })
      expect(await statusesOf(storage, Sensor, deviceId)).toEqual(['processed'])
      await expect(storage.commit(batch([replaying(deviceId, ref)]))).rejects.toEqual(
        errorOf('not_replayable'),
      )
      expect(await samplesOf(storage, Sensor, deviceId)).toHaveLength(1)
      expect(await statusesOf(storage, Sensor, deviceId)).toEqual(['processed'])
    })

    test.each(['processed', 'duplicate', 'replayed'] as const)(
      'a %s message cannot be replayed',
      async (status) => {
        const { storage } = shared
        const deviceId = await newDevice(storage, Sensor)
        const ref = await stored(storage, Sensor, status)
        await expect(storage.commit(batch([replaying(deviceId, ref)]))).rejects.toEqual(
          errorOf('not_replayable'),
        )
        expect(await storage.messages.get(ref)).toMatchObject({ status })
        expect(await samplesOf(storage, Sensor, deviceId)).toEqual([])
      },
    )

    test.each(['999999999', 'abc', ''])(
      'a message that is not there cannot be replayed: "%s"',
      async (id) => {
        const { storage } = shared
        const deviceId = await newDevice(storage, Sensor)
        await expect(
          storage.commit(batch([replaying(deviceId, { typeKey: Sensor.key, id })])),
        ).rejects.toEqual(errorOf('not_replayable'))
      },
    )

    test('twice in one batch is once too often, and nothing of the batch stays', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      const ref = await stored(storage, Sensor, 'rejected')
      await expect(
        storage.commit(batch([replaying(deviceId, ref), replaying(deviceId, ref)])),
      ).rejects.toEqual(errorOf('not_replayable'))
      expect(await storage.messages.get(ref)).toMatchObject({ status: 'rejected' })
      expect(await messagesOf(storage, Sensor, deviceId)).toEqual([])
    })

    test.each([
      ['partial', true],
      ['clock_skew partial bad_id', true],
      ['partial:x', false],
      ['clock_skew', false],
      [null, false],
    ])('one that is processed with the flags %j was stored in part: %j', async (flags, isPartly) => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      await storage.commit(batch([entry(Sensor, deviceId, [], { flags })]))
      const ref = { typeKey: Sensor.key, id: (await messagesOf(storage, Sensor, deviceId))[0]?.id ?? '' }
      const replayed = storage.commit(batch([replaying(deviceId, ref)]))
      if (!isPartly) return expect(replayed).rejects.toEqual(errorOf('not_replayable'))
      await replayed
      expect(await statusesOf(storage, Sensor, deviceId)).toEqual(['replayed', 'processed'])
      await expect(storage.commit(batch([replaying(deviceId, ref)]))).rejects.toEqual(
        errorOf('not_replayable'),
      )
    })

    test('one that is rejected again can be replayed in its turn', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      const ref = await stored(storage, null, 'quarantined')
      const rejected = message({ deviceId, status: 'rejected', reason: 'still' })
      await storage.commit(batch([replaying(deviceId, ref, { message: rejected, samples: [] })]))
      const [again] = await messagesOf(storage, Sensor, deviceId)
      await storage.commit(batch([replaying(deviceId, { typeKey: Sensor.key, id: again?.id ?? '' })]))
      expect(await statusesOf(storage, Sensor, deviceId)).toEqual(['replayed', 'processed'])
    })

    test('one whose samples are stored by now is a duplicate, and the old message is replayed', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      const ref = await stored(storage, Sensor, 'rejected')
      const samples = [sample(Sensor, deviceId, T0, {}, { sampleId: 'a', contentHash: 1 })]
      await storage.commit(batch([entry(Sensor, deviceId, samples)]))
      expect(await storage.commit(batch([replaying(deviceId, ref, { samples })]))).toMatchObject({
        duplicates: [1],
      })
      expect(await statusesOf(storage, Sensor, deviceId)).toEqual(['processed', 'duplicate'])
      expect(await storage.messages.get(ref)).toMatchObject({ status: 'replayed' })
    })

    test('of several replays at once one wins, the others are `not_replayable`', async () => {
      const { storage, other } = shared
      for (let round = 0; round < 5; round++) {
        const deviceId = await newDevice(storage, Sensor)
        const ref = await stored(storage, Sensor, 'rejected')
        const results = await Promise.allSettled(
          Array.from({ length: 6 }, (_, index) =>
            (index % 2 ? storage : other).commit(batch([replaying(deviceId, ref)])),
          ),
        )
        expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
        for (const result of results)
          if (result.status === 'rejected') expect(result.reason).toEqual(errorOf('not_replayable'))
        expect(await samplesOf(storage, Sensor, deviceId)).toHaveLength(1)
        expect(await statusesOf(storage, Sensor, deviceId)).toEqual(['processed'])
      }
    })
  })
}
