import type { Storage } from '@devicehub/core'
import { describe, expect, test } from 'vitest'
import { batch, entry, Meter, newDevice, newId, Sensor, T0 } from '../fixtures.js'
import { errorOf, everyPage, freshStorage, type StorageContract, sharedStorage } from '../harness.js'
import { claimOf, command, commit, one, step } from './command-fixtures.js'

const KB = 1024

export function commandContract(contract: StorageContract): void {
  describe('commands', () => {
    const shared = sharedStorage(contract)

    test('are stored as given, and found by id', async () => {
      const { storage, other } = shared
      const deviceId = await newDevice(storage, Sensor, { status: 'online' })
      const full = command(deviceId, {
        payload: '{"a":"ü\\u0000"}',
        retries: 3,
        batch: newId('batch'),
        onOffline: 'send',
        timeout: 1234,
        expiresIn: 50_000,
      })
      expect(await storage.commands.create([full], claimOf('me'))).toEqual(['claimed'])
      const { type, expiresIn, ...rest } = full
      const record = await one(other, full.id)
      expect(record).toEqual({
        ...rest,
        typeKey: type.key,
        state: 'queued',
        attempts: 0,
        sentAt: null,
        acceptedAt: null,
        finishedAt: null,
        result: null,
        reason: null,
        expiresAt: T0 + expiresIn,
        expiresIn: expect.any(Number),
      })
      expect(record.expiresIn).toBeLessThanOrEqual(expiresIn)
      expect(await storage.commands.find([])).toEqual([])
      expect(await storage.commands.find([newId('nobody')])).toEqual([])
      await expect(storage.commands.create([full], null)).rejects.toEqual(errorOf('storage_failed'))
    })

    test('go by their devices', async () => {
      const { storage } = shared
      const up = await newDevice(storage, Sensor, { status: 'error' })
      const off = await newDevice(storage, Sensor)
      const fresh = await newDevice(storage, Sensor, { status: 'provisioning' })
      const idle = await newDevice(storage, Sensor, { status: 'online', isActive: false })
      const made = [
        command(up),
        command(off),
        command(off, { onOffline: 'fail' }),
        command(off, { onOffline: 'send' }),
        command(fresh),
        command(idle),
        command(newId('nobody')),
      ]
      expect(await storage.commands.create(made, claimOf('me'))).toEqual([
        'claimed',
        'queued',
        'device_offline',
        'claimed',
        'queued',
        'device_inactive',
        'device_not_found',
      ])
      const found = await storage.commands.find(made.map(({ id }) => id))
      expect(found).toHaveLength(4)
      const meter = await newDevice(storage, Meter, { status: 'online' })
      expect(await storage.commands.create([command(meter, { type: Meter })], claimOf('me'))).toEqual([
        'queued',
      ])
      expect(await storage.commands.create([command(up)], null)).toEqual(['queued'])
      expect(await storage.commands.create([], null)).toEqual([])
    })

    test('are listed newest first, by each filter, page by page', async () => {
      const { storage } = shared
      const [a, b] = [
        await newDevice(storage, Sensor, { status: 'online' }),
        await newDevice(storage, Sensor),
      ]
      const bulk = newId('batch')
      const made = [
        command(a),
        command(b, { batch: bulk }),
        command(a, { command: 'stop', batch: bulk }),
        command(a),
      ]
      await storage.commands.create(made, claimOf('me'))
      await commit(storage, a, step(made[3]?.id ?? '', 'succeeded'))
      const places = async (filter: Parameters<Storage['commands']['list']>[0], limit = 100) => {
        const { items } = await everyPage((cursor) => storage.commands.list(filter, { limit, cursor }))
        return items.map(({ id }) => made.findIndex((one) => one.id === id))
      }
      expect(await places({ deviceId: a })).toEqual([3, 2, 0])
      expect(await places({ deviceId: a }, 1)).toEqual([3, 2, 0])
      expect(await places({ batch: bulk })).toEqual([2, 1])
      expect(await places({ deviceId: a, command: 'stop', typeKey: Sensor.key })).toEqual([2])
      expect(await places({ deviceId: a, states: ['succeeded', 'failed'] })).toEqual([3])
      expect(await places({ deviceId: a, states: [] })).toEqual([])
      expect(await places({ deviceId: a, typeKey: Meter.key })).toEqual([])
      await expect(storage.commands.list({}, { limit: 1, cursor: 'x' })).rejects.toEqual(
        errorOf('invalid_query'),
      )
    })

    test('invariant 5: the size of a page in bytes is bounded', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      const created = Array.from({ length: 5 }, (_, index) =>
        command(deviceId, { payload: JSON.stringify([index, 'x'.repeat(100 * KB)]), createdAt: T0 + index }),
      )
      await storage.commands.create(created, null)
      const { items, sizes } = await everyPage((cursor) =>
        storage.commands.list({ deviceId }, { limit: 100, maxBytes: 250 * KB, cursor }),
      )
      expect(sizes).toEqual([2, 2, 1])
      expect(items.map(({ payload }) => payload)).toEqual(created.map(({ payload }) => payload).reverse())
    })

    test('of a deleted device are cancelled; finished ones stay', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor, { status: 'online' })
      const made = [command(deviceId), command(deviceId)] as const
      await storage.commands.create(made, claimOf('me'))
      await commit(storage, deviceId, step(made[0].id, 'succeeded'))
      await storage.devices.delete(Sensor, deviceId, T0 + 9)
      expect((await one(storage, made[0].id)).state).toBe('succeeded')
      expect(await one(storage, made[1].id)).toMatchObject({
        state: 'cancelled',
        reason: 'the device was deleted',
        finishedAt: T0 + 9,
      })
    })
  })

  test('retention deletes commands that finished longer ago than the type keeps messages', async () => {
    const kept = { ...Sensor, options: { ...Sensor.options, retention: { messages: 60 } } }
    await using opened = await freshStorage(contract, [kept, Meter])
    const { storage } = opened
    const deviceId = await newDevice(storage, kept, { status: 'online' })
    const made = [
      command(deviceId, { type: kept }),
      command(deviceId, { type: kept }),
      command(deviceId, { type: kept }),
    ] as const
    await storage.commands.create(made, claimOf('me'))
    const at = (id: string, time: number) => ({
      ...entry(kept, deviceId),
      command: step(id, 'succeeded', { at: time }),
    })
    await storage.commit(batch([at(made[0].id, T0), at(made[1].id, T0 + 50_000)]))
    await storage.applyRetention(T0 + 61_000)
    const left = await storage.commands.find(made.map(({ id }) => id))
    expect(left.map(({ id }) => id).sort()).toEqual([made[1].id, made[2].id].sort())
  })
}
