import type { AnyDeviceType, Storage } from '@devicehub/core'
import type { LeaseFence } from '@devicehub/core/storage'
import { describe, expect, test } from 'vitest'
import { waitUntil } from '../../../services/wait-until.js'
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
  T0,
} from '../fixtures.js'
import { errorOf, freshStorage, type StorageContract, sharedStorage } from '../harness.js'
import { FENCED_BATCHES, offlineAfterSilence, online } from './fenced-batches.js'

const LONG = 600_000
const ALL = [Sensor, Meter, null] as const

export function fenceContract(contract: StorageContract): void {
  describe('fences', () => {
    const shared = sharedStorage(contract)

    async function acquire(storage: Storage, name: string, holder = newId('holder'), ttl = LONG) {
      return waitUntil(`${name} to be acquired`, () => storage.leases.acquire(name, holder, ttl))
    }
    const fencedBy = (fence: LeaseFence) =>
      expect.objectContaining({
        name: 'DeviceHubError',
        code: 'fenced',
        details: expect.objectContaining({ name: fence.name, epoch: fence.epoch }),
      })
    /** All that is stored of a device, but its samples, of which the messages tell. */
    const everything = async (storage: Storage, deviceId: string) => ({
      messages: await Promise.all(ALL.map((type) => messagesOf(storage, type, deviceId))),
      samples: await Promise.all(
        [Sensor, Meter].map(
          async (type) => (await storage.readings.list(type, { deviceId }, { limit: 100 })).items,
        ),
      ),
      device: await deviceOf(storage, Sensor, deviceId),
    })

    for (const { name, prepare } of FENCED_BATCHES) {
      test(`${name}: stored under the current epoch`, async () => {
        const { storage } = shared
        const deviceId = await newDevice(storage, Sensor)
        const lease = await acquire(storage, newId('lease'))
        const one = await prepare(storage, deviceId)
        const before = await everything(storage, deviceId)
        const { messageIds } = await storage.commit({ ...one, fences: [lease], wantsIds: true })
        const after = await everything(storage, deviceId)
        expect(after).not.toEqual(before)
        for (const [index, { type, message }] of one.entries.entries()) {
          const ref = { typeKey: type?.key ?? null, id: messageIds?.[index] as string }
          expect(await storage.messages.get(ref)).toMatchObject({ topic: message.topic })
        }
        expect(after.messages.flat()).toHaveLength(before.messages.flat().length + one.entries.length)
      })

      test(`${name}: refused as \`fenced\` under a former epoch, and nothing is stored`, async () => {
        const { storage, other } = shared
        const deviceId = await newDevice(storage, Sensor)
        const lease = await acquire(storage, newId('lease'), 'me')
        const one = await prepare(storage, deviceId)
        const before = await everything(storage, deviceId)
        const end = await storage.log.end(ALL)
        const current = await acquire(other, lease.name, 'me')
        for (let attempt = 0; attempt < 2; attempt++)
          await expect(storage.commit({ ...one, fences: [lease] })).rejects.toEqual(fencedBy(lease))
        expect(await everything(storage, deviceId)).toEqual(before)
        expect((await storage.log.read(ALL, end, 10)).messages).toEqual([])

        await other.commit({ ...one, fences: [current] })
        const after = await everything(other, deviceId)
        expect(after, 'no identity of the refused batch was kept').not.toEqual(before)
        expect(after.messages.flat()).toHaveLength(before.messages.flat().length + one.entries.length)
      })
    }

    test('all fences must hold; the error names one that does not', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      const leases = [await acquire(storage, newId('lease')), await acquire(storage, newId('lease'))] as const
      const gone = await acquire(storage, newId('lease'), 'me')
      await acquire(storage, gone.name, 'me')
      for (const changes of [[], [online(deviceId)]]) {
        const one = batch([entry(Sensor, deviceId)], { changes })
        for (const fences of [
          [...leases, gone],
          [gone, ...leases],
          [leases[0], gone, leases[1]],
        ])
          await expect(storage.commit({ ...one, fences })).rejects.toEqual(fencedBy(gone))
        const unknown = { name: newId('lease'), epoch: 1 }
        await expect(storage.commit({ ...one, fences: [leases[0], unknown] })).rejects.toEqual(
          fencedBy(unknown),
        )
        const future = { ...leases[0], epoch: leases[0].epoch + 1 }
        await expect(storage.commit({ ...one, fences: [future] })).rejects.toEqual(fencedBy(future))
      }
      expect(await messagesOf(storage, Sensor, deviceId)).toEqual([])
      const one = batch([entry(Sensor, deviceId)])
      await storage.commit({ ...one, fences: [...leases, leases[0]] })
      await storage.commit({ ...one, fences: [] })
      expect(await messagesOf(storage, Sensor, deviceId)).toHaveLength(2)
    })

    test('an expired or released lease still holds until somebody acquires it', async () => {
      const { storage, other } = shared
      const deviceId = await newDevice(storage, Sensor)
      const fences = [
        await acquire(storage, newId('lease'), 'me', 1),
        await acquire(storage, newId('lease'), 'me'),
      ]
      const [brief, released] = fences as [LeaseFence, (typeof fences)[0] & {}]
      await waitUntil(
        'the lease to expire',
        async () => (await other.leases.find([brief.name]))[0]?.holder === null,
      )
      await storage.leases.release(released)
      await storage.commit(batch([entry(Sensor, deviceId)], { fences }))
      await storage.commit(batch([entry(Sensor, deviceId)], { fences, changes: [online(deviceId)] }))
      expect(await messagesOf(storage, Sensor, deviceId)).toHaveLength(2)
      for (const fence of fences) {
        await acquire(other, fence.name)
        await expect(storage.commit(batch([entry(Sensor, deviceId)], { fences: [fence] }))).rejects.toEqual(
          fencedBy(fence),
        )
      }
    })

    test('a change of the hub itself under a former epoch leaves neither status nor audit row', async () => {
      const { storage } = shared
      const name = newId('lease')
      const lease = await storage.leases.acquire(name, 'one', LONG)
      if (lease === null) throw new Error('nobody holds it')
      await storage.leases.acquire(name, 'one', LONG)
      const deviceId = await newDevice(storage, Sensor, { status: 'online', statusAt: T0, lastSeen: T0 })
      const { epoch } = lease
      await expect(
        storage.commit(batch([], { changes: [offlineAfterSilence(deviceId)], fences: [{ name, epoch }] })),
      ).rejects.toEqual(errorOf('fenced'))
      expect((await deviceOf(storage, Sensor, deviceId)).status).toBe('online')
      expect(await messagesOf(storage, Sensor, deviceId)).toEqual([])
    })

    test('renewals and commits under one lease do not block each other', async () => {
      const { storage, other } = shared
      const deviceId = await newDevice(storage, Sensor)
      const lease = await acquire(storage, newId('lease'))
      let committing = true
      const commits = Promise.all(
        [0, 1, 2].map(async (writer) => {
          for (let round = 0; round < 10; round++)
            await (writer === 1 ? other : storage).commit(
              batch([entry(Sensor, deviceId)], {
                fences: [lease],
                changes: writer === 2 ? [online(deviceId)] : [],
              }),
            )
        }),
      ).finally(() => {
        committing = false
      })
      while (committing) {
        expect(await other.leases.renew(lease, LONG, 'renewed')).toBe(true)
        await breathe()
      }
      await commits
      expect(await messagesOf(storage, Sensor, deviceId)).toHaveLength(30)
    })

    test('after a takeover no commit of the former holder succeeds, not even one in progress', async () => {
      await using opened = await freshStorage(contract)
      const { storage } = opened
      const successor = await opened.second()
      const lanes = [Sensor, Meter, Sensor, Meter].map((type, index) => ({ type, deviceId: newId(), index }))
      for (const { type, deviceId } of lanes) await storage.devices.create(type, device(type, deviceId))
      let lease = await acquire(storage, 'slot', 'me')
      for (let round = 0; round < 6; round++) {
        const fence: LeaseFence = lease
        let commits = 0
        const refused = lanes.map(({ type, deviceId, index }) =>
          untilRefused(storage, type, deviceId, fence, index % 2 === 1, () => commits++),
        )
        await waitUntil('some commits', () => commits >= 4)
        lease = await acquire(successor, 'slot', 'me')
        const stored = await countOf(successor, lanes)
        expect(await Promise.all(refused)).toEqual(lanes.map(() => fencedBy(fence)))
        expect(await countOf(successor, lanes), 'what came after the takeover').toBe(stored)
      }
    })
  })
}

const ROWS = 40

/** A store in this thread answers without a turn of the event loop, on which timers and others wait. */
const breathe = () => new Promise((resolve) => setImmediate(resolve))

/** Commits under a fence, with changes or without, until it is refused: the error. */
async function untilRefused(
  storage: Storage,
  type: AnyDeviceType,
  deviceId: string,
  fence: LeaseFence,
  changes: boolean,
  onCommitted: () => void,
): Promise<unknown> {
  for (let round = 0; ; round++)
    try {
      const entries = Array.from({ length: ROWS }, () => entry(type, deviceId))
      await storage.commit(
        batch(entries, { fences: [fence], changes: changes ? [change(type, deviceId, T0 + round)] : [] }),
      )
      onCommitted()
      await breathe()
    } catch (error) {
      return error
    }
}

async function countOf(
  storage: Storage,
  lanes: readonly { readonly type: AnyDeviceType }[],
): Promise<number> {
  return storage.log.count([...new Set(lanes.map(({ type }) => type))], null, 1_000_000)
}
