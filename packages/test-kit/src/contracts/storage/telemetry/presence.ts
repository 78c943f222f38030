import type { DeviceStatus, Storage } from '@devicehub/core'
import type { CommittedTransition, DeviceChange } from '@devicehub/core/storage'
import { describe, expect, test } from 'vitest'
import {
  batch,
  change,
  device,
  deviceOf,
  Meter,
  message,
  messagesOf,
  newDevice,
  newId,
  Sensor,
  T0,
} from '../fixtures.js'
import { errorOf, everyPage, freshStorage, type StorageContract, sharedStorage } from '../harness.js'

const WATCHED = ['online', 'error'] as const satisfies readonly DeviceStatus[]
const LONG = 600_000

/** What a process that watches heartbeats asks for. */
const offline = (deviceId: string, more: Partial<DeviceChange> = {}): DeviceChange =>
  change(Sensor, deviceId, T0 + 50, {
    lastSeen: T0,
    status: { value: 'offline', from: WATCHED },
    ifSeenBefore: T0 + 50,
    audit: message({
      deviceId,
      direction: 'hub',
      channel: 'status',
      payloadJson: '{"status":"offline"}',
      receivedAt: T0 + 60,
    }),
    ...more,
  })

export function presenceContract(contract: StorageContract): void {
  describe('overdue devices', () => {
    const overdue = (storage: Storage, more: { limit?: number; statuses?: readonly DeviceStatus[] } = {}) =>
      everyPage((cursor) =>
        storage.devices.overdue(Sensor, { before: T0, statuses: WATCHED, limit: 100, cursor, ...more }),
      )

    test('are the active ones of these statuses, seen once, with no news at the time or later', async () => {
      await using opened = await freshStorage(contract)
      const { storage } = opened
      const of = { status: 'online', lastSeen: T0 - 1 } as const
      const found = [
        await newDevice(storage, Sensor, of),
        await newDevice(storage, Sensor, { ...of, status: 'error', statusAt: T0 - 1 }),
        await newDevice(storage, Sensor, { ...of, lastSeen: T0 - 86_400_000 * 400 }),
      ]
      await newDevice(storage, Sensor, { ...of, lastSeen: T0 })
      await newDevice(storage, Sensor, { ...of, lastSeen: null })
      await newDevice(storage, Sensor, { ...of, statusAt: T0 })
      await newDevice(storage, Sensor, { ...of, isActive: false })
      for (const status of ['offline', 'maintenance'] as const)
        await newDevice(storage, Sensor, { ...of, status })
      await newDevice(storage, Meter, of)
      const { items } = await overdue(storage)
      expect(items.map(({ deviceId }) => deviceId).sort()).toEqual(found)
      for (const record of items) expect(record).toEqual(await deviceOf(storage, Sensor, record.deviceId))
      expect((await overdue(storage, { limit: 2 })).sizes).toEqual([2, 1])
      expect((await overdue(storage, { statuses: [] })).items).toEqual([])
      expect((await overdue(storage, { statuses: ['maintenance'] })).items).toHaveLength(1)
    })

    test('come page by page, each once, while those of earlier pages go offline', async () => {
      await using opened = await freshStorage(contract)
      const { storage } = opened
      const ids = Array.from({ length: 23 }, () => newId())
      await storage.devices.ensure(
        Sensor,
        ids.map((id, n) =>
          device(Sensor, id, { status: 'online', lastSeen: T0 - 1 - n, createdAt: T0 + (n % 3) }),
        ),
      )
      const { items, sizes } = await everyPage(async (cursor) => {
        const page = await storage.devices.overdue(Sensor, {
          before: T0,
          statuses: WATCHED,
          limit: 5,
          cursor,
        })
        await storage.commit(batch([], { changes: page.items.map(({ deviceId }) => offline(deviceId)) }))
        return page
      })
      expect(items.map(({ deviceId }) => deviceId).sort()).toEqual(ids)
      expect(sizes).toEqual([5, 5, 5, 5, 3])
      expect((await overdue(storage)).items).toEqual([])
    })

    test('a cursor of another list is refused', async () => {
      await using opened = await freshStorage(contract)
      await expect(
        opened.storage.devices.overdue(Sensor, {
          before: T0,
          statuses: WATCHED,
          limit: 5,
          cursor: 'readings.1.2',
        }),
      ).rejects.toEqual(errorOf('invalid_query'))
    })
  })

  describe('a change of the hub itself', () => {
    const shared = sharedStorage(contract)
    const apply = (...changes: DeviceChange[]) => shared.storage.commit(batch([], { changes }))
    const online = (lastSeen: number | null) =>
      newDevice(shared.storage, Sensor, { status: 'online', statusAt: T0, lastSeen })

    test('leaves its audit row with the status', async () => {
      const deviceId = await online(T0)
      const { transitions } = await apply(offline(deviceId))
      const at = T0 + 50
      expect(transitions).toEqual([
        {
          type: Sensor,
          deviceId,
          from: 'online',
          to: 'offline',
          at,
          change: 0,
        } satisfies CommittedTransition,
      ])
      expect(await deviceOf(shared.storage, Sensor, deviceId)).toMatchObject({
        status: 'offline',
        statusAt: T0 + 50,
        lastSeen: T0,
      })
      const rows = await messagesOf(shared.storage, Sensor, deviceId)
      expect(rows).toHaveLength(1)
      expect(rows[0]).toMatchObject({
        direction: 'hub',
        channel: 'status',
        status: 'processed',
        receivedAt: T0 + 60,
        typeKey: Sensor.key,
      })
    })

    test('the log has the row', { timeout: LONG }, async () => {
      const { storage } = shared
      const start = await storage.log.end([Sensor])
      const deviceId = await online(T0)
      await apply(offline(deviceId))
      const { messages } = await storage.log.read([Sensor], start, 100)
      expect(messages.filter((row) => row.deviceId === deviceId).map(({ direction }) => direction)).toEqual([
        'hub',
      ])
    })

    test.each([
      ['was seen at the time', T0 + 50],
      ['was seen later', T0 + 51],
      ['was never seen', null],
    ])('does nothing and leaves nothing when the device %s', async (_, lastSeen) => {
      const deviceId = await online(lastSeen)
      const before = await deviceOf(shared.storage, Sensor, deviceId)
      expect((await apply(offline(deviceId, { batteryLevel: 3 }))).transitions).toEqual([])
      expect(await deviceOf(shared.storage, Sensor, deviceId)).toEqual(before)
      expect(await messagesOf(shared.storage, Sensor, deviceId)).toEqual([])
    })

    test('sees what came earlier in its batch', async () => {
      const deviceId = await online(T0)
      const seen = change(Sensor, deviceId, T0, { lastSeen: T0 + 55 })
      expect((await apply(seen, offline(deviceId))).transitions).toEqual([])
      const touched = await online(T0)
      await shared.storage.commit(
        batch([], {
          touches: [{ type: Sensor, deviceId: touched, lastSeen: T0 + 55 }],
          changes: [offline(touched)],
        }),
      )
      expect((await deviceOf(shared.storage, Sensor, touched)).status).toBe('online')
    })

    test('leaves no row when newer news, or another status, keep the status', async () => {
      const deviceId = await online(T0)
      await apply(change(Sensor, deviceId, T0 + 100, { lastSeen: T0, status: { value: 'error' } }))
      expect((await apply(offline(deviceId))).transitions).toEqual([])
      const kept = await newDevice(shared.storage, Sensor, { status: 'maintenance', lastSeen: T0 })
      expect((await apply(offline(kept))).transitions).toEqual([])
      for (const id of [deviceId, kept]) expect(await messagesOf(shared.storage, Sensor, id)).toEqual([])
    })

    test('of many devices, the row of each that changed', async () => {
      const ids = await Promise.all(Array.from({ length: 12 }, (_, n) => online(n % 3 === 0 ? T0 + 500 : T0)))
      const { transitions } = await apply(...ids.map((id) => offline(id)))
      const changed = ids.filter((_, n) => n % 3 !== 0)
      expect(transitions.map(({ deviceId }) => deviceId)).toEqual(changed)
      for (const id of ids)
        expect(await messagesOf(shared.storage, Sensor, id)).toHaveLength(changed.includes(id) ? 1 : 0)
    })

    test('two processes at once: one of them marks it, with one row', async () => {
      const { storage, other } = shared
      for (let round = 0; round < 10; round++) {
        const ids = [await online(T0), await online(T0)]
        const results = await Promise.all(
          [storage, other].map((one, n) =>
            one.commit(batch([], { changes: (n ? [...ids].reverse() : ids).map((id) => offline(id)) })),
          ),
        )
        expect(results.flatMap(({ transitions }) => transitions)).toHaveLength(2)
        for (const id of ids) expect(await messagesOf(storage, Sensor, id)).toHaveLength(1)
      }
    })
  })
}
