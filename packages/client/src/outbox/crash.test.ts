import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../testing/temporary-folder.js'
import { openOutbox } from './outbox.js'

const WAIT = { timeout: 60_000, interval: 5 }
const root = fileURLToPath(new URL('../../../..', import.meta.url))
const script = fileURLToPath(new URL('../testing/sampling-device.ts', import.meta.url))

const start = (folder: string, ledger: string, first: number): ChildProcess =>
  spawn(process.execPath, ['--import', 'tsx', script, folder, ledger, String(first)], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'pipe'],
  })

const open = (folder: string) =>
  openOutbox({
    folder,
    maxBytes: 64 << 20,
    drop: 'oldest',
    maxQueued: 10_000,
    maxQueuedBytes: 16 << 20,
    onError: () => {},
  })

test('what was confirmed before a SIGKILL is delivered after it: once, complete, in order', async () => {
  using folder = temporaryFolder()
  const outboxFolder = join(folder.path, 'outbox')
  const ledger = join(folder.path, 'ledger')
  writeFileSync(ledger, '')
  for (let life = 0; life < 3; life++) {
    const before = statSync(ledger).size
    const child = start(outboxFolder, ledger, life * 1_000_000)
    await expect.poll(() => statSync(ledger).size, WAIT).toBeGreaterThan(before + 1000 + Math.random() * 3000)
    // Killed, it holds the folder no more; alive it does.
    await expect(open(outboxFolder)).rejects.toMatchObject({
      code: 'outbox_locked',
      details: { pid: child.pid },
    })
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  const outbox = await open(outboxFolder)
  const found: number[] = []
  for (;;) {
    const batch = await outbox.read({ maxSamples: 1000, maxBytes: 1 << 20 })
    if (batch === null) break
    for (const { body } of batch.records) {
      const { own, text } = JSON.parse(body.toString()) as { own: number; text: string }
      expect(text).toHaveLength(own % 500)
      found.push(own)
    }
    outbox.settle(batch, 'delivered')
  }
  expect(outbox.stats().corrupt).toBe(0)
  await outbox.close()
  const confirmed = readFileSync(ledger, 'utf8').trim().split('\n').map(Number)
  const stored = new Set(found)
  expect(confirmed.filter((own) => !stored.has(own))).toEqual([])
  expect(found).toEqual([...stored].sort((a, b) => a - b))
})

test('two clients of one process cannot have the same folder either; closing gives it free', async () => {
  using folder = temporaryFolder()
  const first = await open(folder.path)
  await expect(open(folder.path)).rejects.toMatchObject({ code: 'outbox_locked' })
  await first.close()
  await (await open(folder.path)).close()
  expect(existsSync(join(folder.path, 'lock'))).toBe(false)
})
