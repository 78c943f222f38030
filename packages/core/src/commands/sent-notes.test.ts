import { expect, test } from 'vitest'
import { memoryStorage } from '../index.js'
import type { CommitBatch, Storage, StorageAdapter } from '../storage.js'
import type { OutboundMessage } from '../transport.js'
import { online, Station, send, until, type World, world } from './testing/command-world.js'

/** The same storage with other methods here and there. */
const changed = (
  adapter: StorageAdapter,
  change: (storage: Storage) => Partial<Storage>,
): StorageAdapter => ({
  name: adapter.name,
  open(context) {
    const storage = adapter.open(context)
    return { ...storage, ...change(storage) }
  },
})

/** What each commit said of commands, and within how many milliseconds the published ones are due. */
function watched(adapter: StorageAdapter) {
  const commits: string[][] = []
  const dueIn: number[] = []
  const storage = changed(adapter, ({ commit }) => ({
    commit(batch) {
      const steps = stepsOf(batch)
      if (steps.length > 0) commits.push(steps)
      for (const { command } of batch.entries)
        if (command?.to === 'sent') dueIn.push(command.dueIn ?? Number.NaN)
      return commit(batch)
    },
  }))
  return { storage, commits, dueIn }
}

const stepsOf = ({ entries }: CommitBatch) => entries.flatMap(({ command }) => (command ? [command.to] : []))

const succeed = (of: World, id: string) => send(of, 'a', 'response', { id, status: 'succeeded' })

/** A command that the broker has taken, and of which nothing else is known. */
async function publish(of: World, options = {}) {
  await online(of, 'a')
  const sent = await of.hub.commands.send(Station, 'a', 'reboot', undefined, options)
  await until('the publication', () => of.published.length === 1)
  return sent
}

test('the reply takes the note of the publication along: one commit, in order', async () => {
  const { storage, commits } = watched(memoryStorage())
  const of = world(storage)
  const sent = await publish(of)
  await succeed(of, sent.id)
  await sent.result()
  expect(commits).toEqual([['sent', 'succeeded']])
  expect(await sent.get()).toMatchObject({ state: 'succeeded', attempts: 1, sentAt: expect.any(Date) })
  const { items } = await of.hub.messages.list(Station, { deviceId: 'a' })
  expect(items.map(({ direction, channel }) => [direction, channel]).slice(0, 2)).toEqual([
    ['in', 'response'],
    ['out', 'cmd'],
  ])
})

test('without a reply the note is written a little later; the timeout counts from the publication', async () => {
  const { storage, commits, dueIn } = watched(memoryStorage())
  const of = world(storage)
  const began = performance.now()
  const sent = await publish(of, { timeout: 1 })
  await expect(sent.result()).rejects.toMatchObject({ code: 'command_timed_out' })
  expect(performance.now() - began).toBeGreaterThan(950)
  expect(commits).toEqual([['sent'], ['timed_out']])
  // Of the second, what the note was held back is over when it is written.
  expect(dueIn).toHaveLength(1)
  expect(dueIn[0]).toBeLessThan(955)
})

test('with a timeout that is hardly longer than that the note is written at once', async () => {
  const { storage, commits, dueIn } = watched(memoryStorage())
  const of = world(storage)
  await publish(of, { timeout: '900ms' })
  await until('the note', () => commits.length === 1)
  expect(dueIn).toEqual([900])
})

test('a reply that is faster than the note has its end; the note is written behind it', async () => {
  const { storage, commits } = watched(memoryStorage())
  const of = world(storage)
  of.onPublish = async ({ correlationId = '' }: OutboundMessage) => void (await succeed(of, correlationId))
  const sent = await publish(of)
  await sent.result()
  await until('the note', async () => (await sent.get()).attempts === 1)
  expect(commits).toEqual([['succeeded'], ['sent']])
  expect((await sent.get()).state).toBe('succeeded')
})

test('what the hub decides of a published command stands behind the note of it', async () => {
  const { storage, commits } = watched(memoryStorage())
  const of = world(storage)
  const sent = await publish(of)
  expect(await sent.cancel()).toBe(true)
  expect(commits.flat()).toEqual(['sent', 'cancelled'])
  expect(await sent.get()).toMatchObject({ state: 'cancelled', attempts: 1 })
})

test('a hub that closes writes the notes that it holds', async () => {
  const { storage, commits } = watched(memoryStorage())
  const of = world(storage)
  await publish(of)
  await of.hub.close()
  expect(commits).toEqual([['sent']])
})

test('of a hub that dies between a publication and its note another one publishes again, and the reply counts once', async () => {
  const shared = memoryStorage()
  let dead = false
  const never = new Promise<never>(() => {})
  const dying = world(
    changed(shared, ({ commit, commands }) => ({
      commit: (batch) => (stepsOf(batch).includes('sent') ? never : commit(batch)),
      commands: {
        ...commands,
        create: (made, claim) => commands.create(made, claim && { ...claim, ttl: 100 }),
        claimDue: (request) => (dead ? never : commands.claimDue(request)),
      },
    })),
  )
  const other = world(shared)
  const sent = await publish(dying)
  dead = true
  expect((await sent.get()).state).toBe('queued')
  await until('the second publication', () => other.published.length === 1)
  expect(other.published[0]?.correlationId).toBe(sent.id)
  await succeed(other, sent.id)
  // The device was sent it twice, executed it once, and says so twice.
  expect(await succeed(other, sent.id)).toMatchObject({ status: 'duplicate' })
  expect(await other.hub.commands.wait(sent.id)).toMatchObject({ state: 'succeeded', attempts: 1 })
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(other.published).toHaveLength(1)
})
