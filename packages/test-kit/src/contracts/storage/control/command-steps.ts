import type { CommandChange } from '@devicehub/core/storage'
import { describe, expect, test } from 'vitest'
import { batch, entry, messagesOf, newDevice, newId, Sensor, T0 } from '../fixtures.js'
import { type StorageContract, sharedStorage } from '../harness.js'
import { claimOf, command, commit, due, one, step } from './command-fixtures.js'

export function commandStepContract(contract: StorageContract): void {
  describe('commands', () => {
    const shared = sharedStorage(contract)

    test('only move forward between states', async () => {
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

    test('several steps of one batch apply in order; each has its outcome', async () => {
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
        [3, false, 'succeeded', 'late_reply'],
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

    test('invariant 3: the outcome of a reply is in its audit row; other steps that came too late have none', async () => {
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

    test.each(['succeeded', 'failed', 'rejected'] as const)(
      'after %s, a reply that says so or “accepted” repeats, and one that names another end contradicts',
      async (end) => {
        const { storage } = shared
        const deviceId = await newDevice(storage, Sensor, { status: 'online' })
        const made = command(deviceId)
        await storage.commands.create([made], claimOf('me'))
        await commit(storage, deviceId, step(made.id, 'sent'), step(made.id, end))
        for (const then of ['accepted', 'succeeded', 'failed', 'rejected'] as const) {
          const { commands } = await commit(storage, deviceId, step(made.id, then))
          const flag = then === end || then === 'accepted' ? 'repeated_reply' : 'late_reply'
          expect([then, commands?.get(0)?.flag]).toEqual([then, flag])
          const [row] = await messagesOf(storage, Sensor, deviceId)
          expect(row).toMatchObject({
            status: flag === 'late_reply' ? 'processed' : 'duplicate',
            flags: flag,
          })
        }
        expect((await one(storage, made.id)).state).toBe(end)
      },
    )

    test('a step can require a number of publications', async () => {
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

    test('outcomes are in entry order, beside samples and duplicates', async () => {
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
  })
}
