import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type FileLockOptions, type LockHolder, lockFile } from './file-lock.js'

let folder = ''
let file = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'devicehub-lock-'))
  file = join(folder, 'lock')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const lock = (options: Omit<FileLockOptions, 'lockedError'> = {}) =>
  lockFile(file, { ...options, lockedError: (holder) => new Error(`held by ${holder?.pid ?? '?'}`) })
const LOCKED = `held by ${process.pid}`

/** What stands in the file when this process has the lock. */
async function ownHolder(): Promise<LockHolder> {
  const held = await lock()
  const own = JSON.parse(readFileSync(file, 'utf8')) as LockHolder
  await held.release()
  return own
}
const put = (holder: Partial<LockHolder>) =>
  writeFileSync(file, JSON.stringify({ token: 'other', ...holder }))
const age = (milliseconds: number) => {
  const then = new Date(Date.now() - milliseconds)
  utimesSync(file, then, then)
}
const DEAD = { pid: 2 ** 22 + 1, started: '1' }

test('one has it at a time; released, the file is gone', async () => {
  const held = await lock()
  await expect(lock()).rejects.toThrow(LOCKED)
  expect(await held.isHeld()).toBe(true)
  await held.release()
  expect(await held.isHeld()).toBe(false)
  expect(existsSync(file)).toBe(false)
  await (await lock()).release()
})

test('it waits so long for a holder that runs, and gets the lock when that releases it', async () => {
  const held = await lock()
  await expect(lock({ wait: 50 })).rejects.toThrow(LOCKED)
  const next = lock({ wait: 10_000 })
  await held.release()
  await (await next).release()
})

test('who waits together has it one after the other', async () => {
  let inside = 0
  let most = 0
  await Promise.all(
    Array.from({ length: 12 }, async () => {
      const held = await lock({ wait: 30_000 })
      most = Math.max(most, ++inside)
      await new Promise((resolve) => setImmediate(resolve))
      inside--
      await held.release()
    }),
  )
  expect(most).toBe(1)
})

test('of many that find the lock of a dead process one gets it', async () => {
  for (let round = 0; round < 60; round++) {
    put(DEAD)
    const outcomes = await Promise.allSettled(Array.from({ length: 24 }, () => lock()))
    const locks = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
    expect(locks).toHaveLength(1)
    await locks[0]?.release()
  }
})

test('a process that was killed has it no more', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  await once(child, 'spawn')
  put({ pid: child.pid as number })
  await expect(lock()).rejects.toThrow(`held by ${child.pid}`)
  child.kill('SIGKILL')
  await once(child, 'exit')
  await (await lock()).release()
})

test.runIf(process.platform === 'linux')(
  'it is stale after a restart of the machine, and when its process id belongs to another process by now',
  async () => {
    const own = await ownHolder()
    for (const stale of [{ boot: 'an earlier one' }, { started: '1' }]) {
      put({ ...own, ...stale, token: 'other' })
      await (await lock()).release()
    }
    put({ ...own, token: 'other' })
    await expect(lock()).rejects.toThrow(LOCKED)
  },
)

test('a file that its process had no time to fill is stale', async () => {
  writeFileSync(file, '')
  await (await lock()).release()
})

test('a link, which is what a full disk has room for, counts as well', async () => {
  const { pid, started, boot } = await ownHolder()
  symlinkSync(`${pid} ${started ?? '-'} ${boot?.slice(0, 8) ?? '-'} 01234567`, file)
  await expect(lock()).rejects.toThrow(LOCKED)
  rmSync(file)
  symlinkSync(`${DEAD.pid} 1 - 01234567`, file)
  await (await lock()).release()
})

test('with staleAfter: a holder on another host has it so long, one of this host as long as it runs within it', async () => {
  const shared = { staleAfter: 60_000 }
  put({ ...DEAD, host: `not-${hostname()}` })
  await expect(lock(shared)).rejects.toThrow(`held by ${DEAD.pid}`)
  age(61_000)
  await (await lock(shared)).release()
  put({ ...DEAD, host: hostname() })
  await (await lock(shared)).release()
  const slow = await lock(shared)
  await expect(lock(shared)).rejects.toThrow(LOCKED)
  age(61_000)
  const next = await lock(shared)
  expect(await slow.isHeld()).toBe(false)
  await slow.release()
  expect(await next.isHeld()).toBe(true)
})

test.runIf(process.platform !== 'win32')(
  'it is readable for its owner alone, whatever the umask',
  async () => {
    const { statSync } = await import('node:fs')
    const held = await lock()
    expect(statSync(file).mode & 0o777).toBe(0o600)
    await held.release()
  },
)
