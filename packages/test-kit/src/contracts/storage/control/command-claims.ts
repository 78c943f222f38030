import type { NewCommand } from '@devicehub/core/storage'
import { describe, expect, test } from 'vitest'
import { waitUntil } from '../../../services/wait-until.js'
import { batch, entry, Meter, newDevice, Sensor } from '../fixtures.js'
import { type StorageContract, sharedStorage } from '../harness.js'
import { claimOf, command, commit, due, LONG, one, online, step } from './command-fixtures.js'

export function commandClaimContract(contract: StorageContract): void {
  describe('commands', () => {
    const shared = sharedStorage(contract)

    test('that are due are given to one of many callers', async () => {
      const { storage, other } = shared
      const made: NewCommand[] = []
      for (let n = 0; n < 20; n++) made.push(command(await newDevice(storage, Sensor, { status: 'online' })))
      await storage.commands.create(made, null)
      const ids = made.map(({ id }) => id)
      const given = await Promise.all(
        [storage, other, storage, other].map((each, n) => due(each, `caller ${n}`, ids)),
      )
      const missing = await waitUntil('the rest', async () => {
        given.push(await due(other, 'caller 9', ids))
        return given.flat().length >= 20 ? given : undefined
      })
      expect(missing.flat().sort()).toEqual([...ids].sort())
      for (const part of given) expect(part).toEqual([...part].sort())
    })

    test('are lost by a caller that does not get done, and kept from others until then', async () => {
      const { storage, other } = shared
      const made = command(await newDevice(storage, Sensor, { status: 'online' }))
      expect(await storage.commands.create([made], claimOf('first', 300))).toEqual(['claimed'])
      expect(await due(other, 'second', [made.id])).toEqual([])
      await waitUntil('the claim to end', async () => (await due(other, 'second', [made.id])).length === 1)
      await storage.commands.release('first', [made.id], 0)
      expect(await due(storage, 'third', [made.id])).toEqual([])
      await other.commands.release('second', [made.id], 0)
      expect(await due(storage, 'third', [made.id])).toEqual([made.id])
      await storage.commands.release('third', [made.id], LONG)
      expect(await due(storage, 'third', [made.id])).toEqual([])
      await storage.commands.release('third', [], 0)
    })

    test('of one device are given out in order, and not past an earlier one of another caller', async () => {
      const { storage, other } = shared
      const deviceId = await newDevice(storage, Sensor, { status: 'online' })
      const made = Array.from({ length: 4 }, () => command(deviceId))
      const ids = made.map(({ id }) => id) as [string, string, string, string]
      expect(await storage.commands.create(made.slice(0, 1), claimOf('me'))).toEqual(['claimed'])
      expect(await other.commands.create(made.slice(1, 2), claimOf('you'))).toEqual(['queued'])
      expect(await due(other, 'you', ids)).toEqual([])
      // A caller may claim more while those before are its own.
      expect(await storage.commands.create(made.slice(2, 3), claimOf('me'))).toEqual(['queued'])
      await storage.commands.release('me', [ids[0]], 0)
      await waitUntil('what was held up', async () => {
        const given = await due(storage, 'me', ids)
        if (given.length === 3) expect(given).toEqual(ids.slice(0, 3))
        else await storage.commands.release('me', given, 0)
        return given.length === 3
      })
      expect(await storage.commands.create(made.slice(3), claimOf('me'))).toEqual(['claimed'])
    })

    test('of `send` wait for each other, but not for queued ones', async () => {
      const { storage, other } = shared
      const deviceId = await newDevice(storage, Sensor)
      const [queued, first, second] = [
        command(deviceId),
        command(deviceId, { onOffline: 'send' }),
        command(deviceId, { onOffline: 'send' }),
      ] as const
      expect(await storage.commands.create([queued, first], claimOf('me'))).toEqual(['queued', 'claimed'])
      expect(await other.commands.create([second], claimOf('you'))).toEqual(['queued'])
      expect(await due(other, 'you', [second.id])).toEqual([])
      await commit(storage, deviceId, step(first.id, 'sent'))
      await waitUntil('the second', async () => (await due(other, 'you', [second.id])).length === 1)
    })

    test('wait until a commit, or a call of wake, makes their device reachable', async () => {
      const { storage, other } = shared
      const [a, b] = [await newDevice(storage, Sensor), await newDevice(storage, Sensor)]
      const made = [command(a), command(a), command(b)]
      const ids = made.map(({ id }) => id)
      await storage.commands.create(made, claimOf('me'))
      expect(await due(storage, 'me', ids)).toEqual([])
      await online(other, a)
      expect(await due(storage, 'me', ids)).toEqual(ids.slice(0, 2))
      // A claim that is not over cannot be taken.
      await storage.commands.wake(Sensor, [a, b])
      expect(await due(other, 'you', ids)).toEqual(ids.slice(2))
      await storage.commands.wake(Sensor, [])
    })

    test('wait for a publisher of their type; expired ones are given to any', async () => {
      const { storage, other } = shared
      const deviceId = await newDevice(storage, Meter, { status: 'online' })
      const sent = command(deviceId, { type: Meter })
      const tried = command(deviceId, { type: Meter, retries: 1 })
      const old = command(deviceId, { type: Meter, expiresIn: 1 })
      const waiting = command(deviceId, { type: Meter })
      await storage.commands.create([sent, tried, old, waiting], null)
      const over = { ...entry(Meter, deviceId), command: step(sent.id, 'sent', { dueIn: 0 }) }
      const again = { ...entry(Meter, deviceId), command: step(tried.id, 'sent', { dueIn: 0 }) }
      await storage.commit(batch([over, again]))
      const ids = [sent, tried, old, waiting].map(({ id }) => id)
      const found = new Set<string>()
      await waitUntil('both', async () => {
        for (const id of await due(other, 'you', ids)) found.add(id)
        return found.size >= 2
      })
      expect([...found].sort()).toEqual([sent.id, old.id].sort())
      expect((await one(storage, old.id)).expiresIn).toBeLessThanOrEqual(0)
      const request = { ...claimOf('publisher', LONG, [Meter.key]), limit: 1000 }
      const rest = (await storage.commands.claimDue(request)).map(({ id }) => id)
      expect(rest.filter((id) => ids.includes(id))).toEqual([tried.id])
      expect((await storage.commands.claimDue({ ...request, types: [] })).map(({ id }) => id)).not.toContain(
        waiting.id,
      )
    })
  })
}
