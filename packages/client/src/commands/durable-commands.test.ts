import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { command, defineDeviceType } from '@devicehub/core/definition'
import { describeWith } from '@devicehub/test-kit'
import { expect, test, vi } from 'vitest'
import type { DeviceClientOptions } from '../device-client-options.js'
import { type Reply, startCommandWorld } from '../testing/command-world.js'
import { startObserver } from '../testing/observer.js'
import type { Script } from '../testing/scripted-broker.js'
import { testOnSmallDisk } from '../testing/small-disk.js'
import { temporaryFolder } from '../testing/temporary-folder.js'

const WAIT = { timeout: 60_000, interval: 5 }
const Worker = defineDeviceType('worker', { commands: { work: command(), rest: command() } })

const startWorld = (
  folder: string,
  options: Partial<DeviceClientOptions> & { readonly script?: Script } = {},
) => startCommandWorld(Worker, { ...options, outbox: { folder } })

/** A disk whose every sync takes until the test lets it go. */
async function slowDisk(folder: string) {
  const handle = await open(join(folder, 'probe'), 'w')
  const prototype = Object.getPrototypeOf(handle) as typeof handle
  await handle.close()
  const { datasync } = prototype
  const held: (() => void)[] = []
  const spy = vi.spyOn(prototype, 'datasync').mockImplementation(async function (this: typeof handle) {
    await new Promise<void>((resolve) => held.push(resolve))
    return datasync.call(this)
  })
  return {
    held,
    release: () => held.shift()?.(),
    [Symbol.dispose]() {
      spy.mockRestore()
      for (const resolve of held) resolve()
    },
  }
}

test('on the wire: no PUBACK and no execution before the arrival is synced, and no final reply before the end is', async () => {
  using folder = temporaryFolder()
  await using it = await startWorld(folder.path)
  let executed = 0
  it.client.onCommand('work', () => ++executed)
  await it.client.connect()
  using disk = await slowDisk(folder.path)
  const passes = async (): Promise<void> => {
    // Sent on the same connection: the broker has seen everything that was sent before it.
    const before = it.broker.packets.length
    void it.client.reportStatus({}).catch(() => {})
    await expect.poll(() => it.broker.packets.length, WAIT).toBeGreaterThan(before)
  }
  const journal = () => readFileSync(join(folder.path, 'commands.journal'), 'latin1')

  const messageId = it.send({ command: 'work', id: 'a' })
  await expect.poll(() => disk.held.length, WAIT).toBe(1)
  expect(journal()).toContain('"started","id":"a"')
  await passes()
  expect([it.acknowledged(), executed, it.replies()]).toEqual([[], 0, []])

  disk.release()
  await expect.poll(() => disk.held.length, WAIT).toBe(1)
  expect(journal()).toContain('"finished","id":"a"')
  await expect.poll(it.acknowledged, WAIT).toEqual([messageId])
  await passes()
  expect([executed, it.replies()]).toEqual([1, []])

  disk.release()
  await expect.poll(() => it.replies().map(({ status }) => status), WAIT).toEqual(['succeeded'])
})

test('a final reply that was not confirmed is sent by the next process, and no more once it was', async () => {
  using folder = temporaryFolder()
  let silent = true
  await using it = await startWorld(folder.path, { script: { onPublish: () => (silent ? 'silence' : 0) } })
  let executed = 0
  it.client.onCommand('work', () => ++executed)
  await it.client.connect()
  const properties = { correlationData: Buffer.from([1, 2]) }
  it.send({ command: 'work', id: 'a' }, { properties })
  await expect.poll(() => it.replies().length, WAIT).toBe(1)
  await it.client.close({ timeout: 0 })

  silent = false
  await using next = it.createClient()
  next.onCommand('work', () => ++executed)
  await next.connect()
  await expect.poll(() => it.replies().length, WAIT).toBe(2)
  expect(it.replies()[1]).toEqual({ id: 'a', command: 'work', status: 'succeeded', result: 1 })
  expect(it.packetsOn('response')[1]?.properties?.correlationData).toEqual(Buffer.from([1, 2]))
  await expect
    .poll(() => readFileSync(join(folder.path, 'commands.journal'), 'latin1'), WAIT)
    .toContain('"delivered"')
  await next.close()

  await using third = it.createClient()
  third.onCommand('work', () => ++executed)
  await third.connect()
  it.send({ command: 'rest', id: 'b' })
  await expect.poll(() => it.replies().length, WAIT).toBe(3)
  expect(it.replies()[2]).toMatchObject({ id: 'b', status: 'rejected' })
  // It is known still: the broker, or the hub, sends it again.
  it.send({ command: 'work', id: 'a' })
  await expect.poll(() => it.replies().length, WAIT).toBe(4)
  expect(it.replies()[3]).toEqual(it.replies()[1])
  expect(executed).toBe(1)
})

test('a command whose handler ran when the client closed stays started: the next process replies that it was interrupted', async () => {
  using folder = temporaryFolder()
  await using it = await startWorld(folder.path)
  let calls = 0
  it.client.onCommand('work', (_, { signal }) => {
    calls++
    return new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
  })
  await it.client.connect()
  it.send({ command: 'work', id: 'a' })
  await expect.poll(() => it.replies().length, WAIT).toBe(1)
  await it.client.close({ timeout: 0 })
  await using next = it.createClient()
  next.onCommand('work', () => void calls++)
  await next.connect()
  await expect.poll(() => it.replies().length, WAIT).toBe(2)
  const interrupted = {
    id: 'a',
    command: 'work',
    status: 'failed',
    error: expect.stringMatching(/^interrupted: /),
  }
  expect(it.replies()[1]).toEqual(interrupted)
  await expect.poll(() => next.stats().inFlight, WAIT).toBe(0)
  it.send({ command: 'work', id: 'a' })
  await expect.poll(() => it.replies().length, WAIT).toBe(3)
  expect(it.replies()[2]).toEqual(interrupted)
  expect(calls).toBe(1)
})

test('the last ids are remembered across processes, the oldest are forgotten', async () => {
  using folder = temporaryFolder()
  await using it = await startWorld(folder.path, { rememberedCommands: 5 })
  it.client.onCommand('work', () => {})
  await it.client.connect()
  for (let n = 0; n < 8; n++) it.send({ command: 'work', id: `c-${n}` })
  await expect.poll(() => it.replies().length, WAIT).toBe(8)
  await it.client.close()
  await using next = it.createClient()
  const executed: (string | null)[] = []
  next.onCommand('work', (_, { id }) => void executed.push(id))
  await next.connect()
  for (let n = 7; n >= 0; n--) it.send({ command: 'work', id: `c-${n}` })
  await expect.poll(() => executed, WAIT).toEqual(['c-2', 'c-1', 'c-0'])
})

testOnSmallDisk(
  'on a full disk a command is rejected and not executed, with an error event; once there is room it is',
  '256k',
  async (disk) => {
    const folder = join(disk.path, 'outbox')
    await using it = await startWorld(folder)
    const executed: (string | null)[] = []
    it.client.onCommand('work', (_, { id }) => void executed.push(id))
    await it.client.connect()
    it.send({ command: 'work', id: 'before' })
    await expect.poll(() => it.replies().length, WAIT).toBe(1)
    await it.delivered()
    const filler = join(disk.path, 'filler')
    const fill = async () => {
      const file = await open(filler, 'a')
      try {
        for (;;) await file.write(Buffer.alloc(512))
      } catch {
        await file.close()
      }
    }
    await fill()
    const ids = Array.from({ length: 60 }, (_, n) => `full-${n}`)
    for (const id of ids) it.send({ command: 'work', id })
    const finals = () => it.replies().filter(({ status }) => status !== 'accepted')
    await expect.poll(() => finals().length, WAIT).toBe(61)
    const rejected = finals().filter(({ status }) => status === 'rejected')
    expect(rejected.length).toBeGreaterThan(0)
    expect(rejected[0]?.error).toMatch(/^not executed: .*ENOSPC.*the disk is full/)
    expect(executed.filter((id) => rejected.some((reply) => reply.id === id))).toEqual([])
    expect(it.errors.filter(({ code }) => code === 'outbox_failed').length).toBeGreaterThan(0)
    // Not a second chance for the same order: it was refused.
    const refused = rejected[0] as Reply
    writeFileSync(filler, '')
    await it.delivered()
    it.send({ command: 'work', id: refused.id })
    it.send({ command: 'work', id: 'after' })
    await expect.poll(() => it.replies().at(-1), WAIT).toMatchObject({ id: 'after', status: 'succeeded' })
    expect(executed).not.toContain(refused.id)
  },
)

describeWith({ mosquitto: 'own' }, 'with mosquitto', ({ mosquitto }) => {
  test.each([5, 4] as const)(
    'a device that is killed at random executes no command twice, and answers each for good (protocol version %i)',
    async (protocolVersion) => {
      using folder = temporaryFolder()
      await using broker = await mosquitto.start()
      await using observer = await startObserver(broker.url, { clientId: 'observer', clean: false })
      const ledger = join(folder.path, 'ledger')
      writeFileSync(ledger, '')
      const file = fileURLToPath(new URL('../testing/commanded-device.ts', import.meta.url))
      const root = fileURLToPath(new URL('../../../..', import.meta.url))
      const start = async (): Promise<ChildProcess> => {
        const args = [broker.url, join(folder.path, 'outbox'), ledger, String(protocolVersion)]
        const child = spawn(process.execPath, ['--import', 'tsx', file, ...args], {
          cwd: root,
          stdio: ['ignore', 'pipe', 'inherit'],
        })
        await once(child.stdout as NodeJS.ReadableStream, 'data')
        return child
      }
      const lines = (what: string) =>
        readFileSync(ledger, 'utf8')
          .split('\n')
          .filter((line) => line.startsWith(`${what} `))
          .map((line) => line.slice(what.length + 1))
      const finals = () => (observer.on('response') as Reply[]).filter(({ status }) => status !== 'accepted')
      const ids: string[] = []
      const send = async (count: number) => {
        for (let n = 0; n < count; n++) {
          const id = `c-${ids.length}`
          ids.push(id)
          await observer.publish('things/worker/W-1/cmd', { command: 'work', id })
        }
      }

      let child = await start()
      for (let life = 0; life < 6; life++) {
        const before = lines('begin').length
        await send(20)
        await expect.poll(() => lines('begin').length, WAIT).toBeGreaterThan(before + Math.random() * 15)
        child.kill('SIGKILL')
        await once(child, 'exit')
        // Held by the broker, with what it has had no PUBACK for.
        await send(5)
        child = await start()
      }
      try {
        await expect.poll(() => new Set(finals().map(({ id }) => id)).size, WAIT).toBe(ids.length)
        // And the hub, which is not sure, sends all once more.
        const seen = finals().length
        for (const id of ids) await observer.publish('things/worker/W-1/cmd', { command: 'work', id })
        await expect.poll(() => finals().length, WAIT).toBeGreaterThanOrEqual(seen + ids.length)
      } finally {
        child.kill('SIGKILL')
        await once(child, 'exit')
      }

      const begun = lines('begin')
      expect(begun.length).toBe(new Set(begun).size)
      const ended = new Set(lines('end'))
      for (const id of ids) {
        const outcomes = new Set(
          finals().flatMap((reply) => (reply.id === id ? [JSON.stringify(reply)] : [])),
        )
        expect(outcomes.size, id).toBe(1)
        const [reply] = [...outcomes].map((text) => JSON.parse(text) as Reply)
        if (reply?.status === 'succeeded') expect(ended.has(id)).toBe(true)
        else expect(reply).toMatchObject({ status: 'failed', error: expect.stringMatching(/^interrupted/) })
      }
      expect(finals().some(({ status }) => status === 'failed')).toBe(true)
    },
  )
})
