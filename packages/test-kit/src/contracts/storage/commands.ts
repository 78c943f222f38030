import type { CommandChange, CommandRecord, CommandState, NewCommand, Storage } from '@devicehub/core'
import { describe, expect, test } from 'vitest'
import { waitUntil } from '../../services/wait-until.js'
import { batch, change, entry, Meter, messagesOf, newDevice, newId, Sensor, T0 } from './fixtures.js'
import { errorOf, everyPage, freshStorage, type StorageContract, sharedStorage } from './harness.js'

/** So long that nothing becomes due while a slow machine runs a test. */
const LONG = 600_000
const UNFINISHED: readonly CommandState[] = ['queued', 'sent', 'accepted']

const command = (deviceId: string, more: Partial<NewCommand> = {}): NewCommand => ({
  id: newId('command'),
  type: Sensor,
  deviceId,
  command: 'reboot',
  payload: null,
  timeout: 30_000,
  expiresIn: LONG,
  retries: 0,
  onOffline: 'queue',
  batch: null,
  createdAt: T0,
  ...more,
})

const claimOf = (claim: string, ttl = LONG, types: readonly string[] = [Sensor.key]) => ({
  claim,
  ttl,
  types,
})

const step = (id: string, to: CommandChange['to'], more: Partial<CommandChange> = {}): CommandChange => ({
  id,
  to,
  from: to === 'sent' ? ['queued', 'sent'] : UNFINISHED,
  at: T0 + 1000,
  reply: to !== 'sent',
  ...(to === 'sent' && { dueIn: LONG }),
  ...more,
})

export function commandContract(contract: StorageContract): void {
  describe('commands', () => {
    const shared = sharedStorage(contract)

    const one = async (storage: Storage, id: string): Promise<CommandRecord> => {
      const [record] = await storage.commands.find([id])
      if (!record) throw new Error(`${id} is not there`)
      return record
    }
    const commit = (storage: Storage, deviceId: string, ...steps: readonly CommandChange[]) =>
      storage.commit(
        batch(
          steps.map((made) => ({
            ...entry(Sensor, deviceId, [], {
              channel: made.reply ? 'response' : 'cmd',
              payloadJson: made.id,
            }),
            command: made,
          })),
        ),
      )
    const due = async (storage: Storage, claim: string, ids: readonly string[], ttl = LONG) => {
      const given = await storage.commands.claimDue({ ...claimOf(claim, ttl), limit: 1000 })
      return given.filter(({ id }) => ids.includes(id)).map(({ id }) => id)
    }
    const online = (storage: Storage, deviceId: string) =>
      storage.commit(
        batch([], { changes: [change(Sensor, deviceId, T0 + 1, { status: { value: 'online' } })] }),
      )

    test('are kept as they were given, and found by id', async () => {
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
      // While they are its own, a caller may have more of them.
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

    test('of `send` do not wait behind queued ones, but behind each other', async () => {
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

    test('wait for their device until a commit makes it reachable, or somebody says so', async () => {
      const { storage, other } = shared
      const [a, b] = [await newDevice(storage, Sensor), await newDevice(storage, Sensor)]
      const made = [command(a), command(a), command(b)]
      const ids = made.map(({ id }) => id)
      await storage.commands.create(made, claimOf('me'))
      expect(await due(storage, 'me', ids)).toEqual([])
      await online(other, a)
      expect(await due(storage, 'me', ids)).toEqual(ids.slice(0, 2))
      // A running claim is nobody's to take.
      await storage.commands.wake(Sensor, [a, b])
      expect(await due(other, 'you', ids)).toEqual(ids.slice(2))
      await storage.commands.wake(Sensor, [])
    })

    test('wait for the publisher of their type; what is over is for anyone', async () => {
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

    test('go forward only, from any state to any other', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor, { status: 'online' })
      const ways: readonly CommandChange['to'][] = [
        'sent',
        'accepted',
        'succeeded',
        'failed',
        'rejected',
        'timed_out',
        'expired',
        'cancelled',
      ]
      const made = ways.flatMap((first) => ways.map((then) => ({ first, then, made: command(deviceId) })))
      await storage.commands.create(
        made.map((way) => way.made),
        claimOf('me'),
      )
      await commit(
        storage,
        deviceId,
        ...made.map(({ first, made: { id } }) => step(id, first, { reason: 'one' })),
      )
      const { commands } = await commit(
        storage,
        deviceId,
        ...made.map(({ then, made: { id } }) => step(id, then, { reason: 'two', at: T0 + 2000 })),
      )
      const records = new Map(
        (await storage.commands.find(made.map((way) => way.made.id))).map((record) => [record.id, record]),
      )
      made.forEach(({ first, then, made: { id } }, index) => {
        const isOpen = first === 'sent' || (first === 'accepted' && then !== 'accepted' && then !== 'sent')
        const expected = isOpen ? then : first
        const record = records.get(id)
        expect([first, then, record?.state]).toEqual([first, then, expected])
        expect([first, then, commands?.get(index)?.applied]).toEqual([first, then, isOpen || then === 'sent'])
        if (expected !== 'sent' && expected !== 'accepted')
          expect(record).toMatchObject({
            reason: isOpen ? 'two' : 'one',
            finishedAt: T0 + (isOpen ? 2000 : 1000),
          })
      })
      expect(await due(storage, 'you', [...records.keys()])).toEqual([])
    })

    test('several steps of one batch follow each other; each has its outcome', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor, { status: 'online' })
      const made = command(deviceId)
      await storage.commands.create([made], claimOf('me'))
      const { commands } = await commit(
        storage,
        deviceId,
        step(made.id, 'sent'),
        step(made.id, 'accepted', { at: T0 + 1100 }),
        step(made.id, 'succeeded', { at: T0 + 1200, result: '{"a":[1]}' }),
        step(made.id, 'failed', { at: T0 + 1300 }),
      )
      expect(
        [...(commands ?? [])].map(([index, { applied, record, flag }]) => [
          index,
          applied,
          record?.state,
          flag,
        ]),
      ).toEqual([
        [0, true, 'sent', null],
        [1, true, 'accepted', null],
        [2, true, 'succeeded', null],
        [3, false, 'succeeded', 'repeated_reply'],
      ])
      expect(await one(storage, made.id)).toMatchObject({
        state: 'succeeded',
        attempts: 1,
        sentAt: T0 + 1000,
        acceptedAt: T0 + 1100,
        finishedAt: T0 + 1200,
        result: '{"a":[1]}',
        reason: null,
      })
    })

    test('invariant 3: what a reply came to is in its audit row; of other steps that came too late there is none', async () => {
      const { storage } = shared
      const [mine, foreign] = [
        await newDevice(storage, Sensor, { status: 'online' }),
        await newDevice(storage, Sensor),
      ]
      const made = command(mine)
      await storage.commands.create([made], claimOf('me'))
      await commit(storage, mine, step(made.id, 'timed_out', { reply: false, from: ['queued'] }))
      const replies = await commit(
        storage,
        mine,
        step(made.id, 'succeeded'),
        step(newId('nothing'), 'succeeded'),
        step(made.id, 'cancelled', { reply: false }),
      )
      expect(replies.commands?.get(0)).toMatchObject({ applied: false, flag: 'late_reply' })
      expect(replies.commands?.get(1)).toEqual({ applied: false, record: null, flag: 'unknown_command' })
      const stranger = await commit(storage, foreign, step(made.id, 'succeeded'))
      expect(stranger.commands?.get(0)?.record).toBeNull()
      const rows = (await messagesOf(storage, Sensor, mine)).map(({ status, code, flags, channel }) => [
        channel,
        status,
        code,
        flags,
      ])
      expect(rows.reverse()).toEqual(
        [
          ['response', 'processed', null, null],
          ['response', 'processed', null, 'late_reply'],
          ['response', 'rejected', 'unknown_command', null],
        ].map((row, index) => (index === 0 ? ['cmd', ...row.slice(1)] : row)),
      )
      expect((await messagesOf(storage, Sensor, foreign)).map(({ status, code }) => [status, code])).toEqual([
        ['rejected', 'unknown_command'],
      ])
    })

    test('a step can be bound to the number of publications', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor, { status: 'online' })
      const made = command(deviceId)
      await storage.commands.create([made], claimOf('me'))
      await commit(storage, deviceId, step(made.id, 'sent'), step(made.id, 'sent'))
      await commit(storage, deviceId, step(made.id, 'timed_out', { attempts: 1, reply: false }))
      expect(await one(storage, made.id)).toMatchObject({ state: 'sent', attempts: 2 })
      await commit(storage, deviceId, step(made.id, 'timed_out', { attempts: 2, reply: false }))
      expect((await one(storage, made.id)).state).toBe('timed_out')
    })

    test('beside samples and duplicates in one batch, each entry keeps its place', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor, { status: 'online' })
      const made = command(deviceId)
      await storage.commands.create([made], claimOf('me'))
      const sample = {
        deviceId,
        timestamp: T0,
        receivedAt: T0,
        orderAt: T0,
        sampleId: newId('s'),
        contentHash: 1,
        flags: null,
        values: Sensor.readingNames.map(() => null),
      }
      await storage.commit(batch([entry(Sensor, deviceId, [sample])]))
      const left = {
        ...entry(Sensor, deviceId),
        command: step(made.id, 'expired', { from: [], reply: false }),
      }
      const done = { ...entry(Sensor, deviceId), command: step(made.id, 'succeeded') }
      const result = await storage.commit(batch([left, entry(Sensor, deviceId, [sample]), done]))
      expect(result.duplicates).toEqual([0, 1, 0])
      expect([...(result.duplicateSamples ?? [])]).toEqual([[1, [0]]])
      expect(result.commands?.get(2)?.applied).toBe(true)
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

    test('of a deleted device are cancelled, those that had an end stay', async () => {
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

  test('retention deletes commands that have had an end for as long as the type keeps messages', async () => {
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
