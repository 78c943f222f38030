import type { Storage } from '@devicehub/core'
import type { CommandChange } from '@devicehub/core/storage'
import { describeWith, waitUntil } from '@devicehub/test-kit'
import { Kysely, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import { expect, test } from 'vitest'
import { kyselyStorage } from '../kysely-storage.js'
import { engineOf } from '../sqlite/sqlite-dialect.js'
import type { SqliteEngine } from '../sqlite/sqlite-engine.js'
import { CLAIM, command } from '../testing/commands.js'
import { describeDatabases } from '../testing/describe-databases.js'
import { postgresDatabase, sqliteFile } from '../testing/open-database.js'
import { openStorages } from '../testing/opened-storage.js'
import { batch, device, entry, Station, T0 } from '../testing/rows.js'
import { createRecentCommands, newRecord } from './recent-commands.js'

const step = (id: string, to: CommandChange['to']): CommandChange => ({
  id,
  to,
  from: ['queued', 'sent', 'accepted'],
  at: T0 + 1000,
  reply: to !== 'sent' && to !== 'cancelled',
  ...(to === 'sent' && { dueIn: 60_000 }),
})

/** The note of a publication and the reply, or whatever else, in one commit. */
const stepsOf = (...steps: readonly CommandChange[]) =>
  batch(steps.map((made) => ({ ...entry(Station, 'a', [], { correlationId: made.to }), command: made })))

async function begin(storage: Storage, ...ids: readonly string[]): Promise<void> {
  await storage.devices.ensure(Station, [{ ...device(Station, 'a'), status: 'online' }])
  expect(
    await storage.commands.create(
      ids.map((id) => command(id)),
      CLAIM,
    ),
  ).toEqual(ids.map(() => 'claimed'))
}

const stateOf = async (storage: Storage, id: string) => (await storage.commands.find([id]))[0]
const rowsOf = async (storage: Storage) =>
  (await storage.messages.list(Station, {}, { limit: 100 })).items.map(({ correlationId, flags }) => [
    correlationId,
    flags,
  ])

describeDatabases('commands that this process knows', (open) => {
  test('and another one has changed meanwhile become what their rows allow; nothing is written twice', async () => {
    await using storages = await openStorages(await open(), [Station])
    const [here, there] = [storages.open(), storages.open()]
    await begin(here, 'changed', 'as it was')
    await there.commit(stepsOf(step('changed', 'cancelled')))

    const { commands } = await here.commit(
      stepsOf(
        step('as it was', 'sent'),
        step('changed', 'sent'),
        step('as it was', 'succeeded'),
        step('changed', 'succeeded'),
      ),
    )

    expect([...(commands?.values() ?? [])].map(({ applied, flag }) => [applied, flag])).toEqual([
      [true, null],
      [true, null],
      [true, null],
      [false, 'late_reply'],
    ])
    expect(await stateOf(here, 'changed')).toMatchObject({ state: 'cancelled', attempts: 1 })
    expect(await stateOf(here, 'as it was')).toMatchObject({ state: 'succeeded', attempts: 1 })
    expect((await rowsOf(here)).reverse()).toEqual([
      ['cancelled', null],
      ['sent', null],
      ['sent', null],
      ['succeeded', null],
      ['succeeded', 'late_reply'],
    ])
  })

  test('are published by this one and replied to step by step, as by one that knows none', async () => {
    await using storages = await openStorages(await open(), [Station])
    const [here, there] = [storages.open(), storages.open()]
    await begin(here, 'known', 'unknown')
    for (const [storage, id] of [
      [here, 'known'],
      [there, 'unknown'],
    ] as const)
      for (const to of ['sent', 'accepted', 'succeeded', 'failed'] as const)
        await storage.commit(stepsOf(step(id, to)))
    const known = await stateOf(here, 'known')
    expect(known).toEqual({ ...(await stateOf(here, 'unknown')), id: 'known', expiresIn: known?.expiresIn })
    expect(known).toMatchObject({ state: 'succeeded', attempts: 1, sentAt: T0 + 1000, acceptedAt: T0 + 1000 })
  })

  test('are due when their time to answer is over, and not before', async () => {
    await using storages = await openStorages(await open(), [Station])
    const here = storages.open()
    await begin(here, 'late', 'claimed')
    await here.commit(stepsOf({ ...step('late', 'sent'), dueIn: 0 }))
    const due = await here.commands.claimDue({ ...CLAIM, claim: 'you', limit: 10 })
    expect(due.map(({ id, state }) => [id, state])).toEqual([['late', 'sent']])
  })

  test('and were taken over with their lease are another one’s: fenced, and nothing is written', async () => {
    await using storages = await openStorages(await open(), [Station])
    const here = storages.open()
    await begin(here, 'one')
    const lease = await here.leases.acquire('slot', 'me', 60_000)
    const fence = { name: 'slot', epoch: lease?.epoch ?? 0 }
    const reply = stepsOf(step('one', 'succeeded'))
    const late = { ...reply, fences: [{ ...fence, epoch: fence.epoch + 1 }] }
    await expect(here.commit(late)).rejects.toMatchObject({ code: 'fenced' })
    expect(await stateOf(here, 'one')).toMatchObject({ state: 'queued' })
    expect(await rowsOf(here)).toEqual([])
    await here.commit({ ...reply, fences: [fence] })
    expect(await stateOf(here, 'one')).toMatchObject({ state: 'succeeded' })
  })
})

describeWith(['postgres'], 'a commit of replies on PostgreSQL', ({ postgres }) => {
  test('is one statement', async () => {
    const { url, drop } = await postgres().createDatabase()
    const statements: string[] = []
    const db = new Kysely<unknown>({
      dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: url, max: 2 }) }),
      log: ({ query }) => void statements.push(query.sql),
    })
    const here = kyselyStorage({ db, closeDb: true }).open({ types: [Station] })
    await here.migrate()
    await begin(here, 'one', 'two')
    statements.length = 0
    await here.commit(stepsOf(step('one', 'sent'), step('one', 'succeeded'), step('two', 'sent')))
    await here.commit(stepsOf(step('two', 'failed')))
    expect(statements.map((text) => text.split(' ')[0])).toEqual(['with', 'with'])
    await here.close()
    await drop()
  })

  test('that waits for another transaction sees what that made of the command', async () => {
    const database = await postgresDatabase(postgres())
    await using storages = await openStorages(database, [Station])
    const here = storages.open()
    await begin(here, 'one')
    const db = database.connect()
    const blocker = await db.startTransaction().execute()
    try {
      const end = sql`update devicehub_command set state = 'cancelled', finished_at = now(), next_at = null where command_id = 'one'`
      await end.execute(blocker)
      const committing = here.commit(stepsOf(step('one', 'sent'), step('one', 'succeeded')))
      const waits = sql`select 1 from pg_locks where not granted`
      await waitUntil('the commit to wait', async () => (await waits.execute(db)).rows.length > 0)
      await blocker.commit().execute()
      expect((await committing).commands?.get(1)).toMatchObject({ applied: false, flag: 'late_reply' })
      expect(await stateOf(here, 'one')).toMatchObject({ state: 'cancelled', attempts: 1 })
      expect(await rowsOf(here)).toHaveLength(2)
    } finally {
      if (!blocker.isCommitted) await blocker.rollback().execute()
      await db.destroy()
    }
  })
})

describeWith(['sqlite'], 'a commit of replies on SQLite', () => {
  test('is one message to the worker', async () => {
    const database = await sqliteFile({})
    const db = database.connect()
    const here = kyselyStorage({ db, closeDb: true }).open({ types: [Station] })
    await here.migrate()
    await begin(here, 'one')
    const engine = engineOf(db) as SqliteEngine
    const { call } = engine
    const calls: string[] = []
    Object.assign(engine, {
      call: (operation: string, argument: unknown) => {
        calls.push(operation)
        return call(operation, argument)
      },
    })
    await here.commit(stepsOf(step('one', 'sent'), step('one', 'succeeded')))
    expect(calls).toEqual(['transact'])
    await here.close()
    await database.cleanup()
  })
})

test('invariant 5: what is remembered of commands is bounded, by their number and by what they hold', () => {
  const recent = createRecentCommands()
  const knows = (id: string) => recent.foresee(stepsOf(step(id, 'sent')).entries) !== null
  recent.add(Array.from({ length: 6_000 }, (_, index) => newRecord(command(`c${index}`))))
  expect([knows('c0'), knows('c5999')]).toEqual([false, true])
  const payload = 'x'.repeat(200_000)
  recent.add(Array.from({ length: 60 }, (_, index) => newRecord(command(`large${index}`, { payload }))))
  expect([knows('c5999'), knows('large0'), knows('large59')]).toEqual([false, false, true])
  recent.settle(recent.foresee(stepsOf(step('large59', 'failed')).entries)?.outcomes ?? new Map())
  expect(knows('large59')).toBe(false)
})
