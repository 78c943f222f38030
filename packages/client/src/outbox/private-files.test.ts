import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DeviceHubError } from '@devicehub/core/definition'
import { afterEach, expect, test } from 'vitest'
import { temporaryFolder } from '../testing/temporary-folder.js'
import { openCommandJournal } from './command-journal.js'
import { openOutbox } from './outbox.js'
import { setAside } from './set-aside.js'

const usual = process.umask()
afterEach(() => void process.umask(usual))

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8)

const open = (folder: string) =>
  openOutbox({
    folder,
    maxBytes: 16 << 10,
    drop: 'oldest',
    maxQueued: 100,
    maxQueuedBytes: 1 << 20,
    positionInterval: 1,
    onError: () => {},
  })

/** Makes every kind of file that an outbox has, and returns them with their modes while it is open. */
async function fill(folder: string): Promise<Record<string, string>> {
  const outbox = await open(folder)
  const ids = Array.from({ length: 1_000 }, (_, n) => String(n))
  const journal = await openCommandJournal({
    folder,
    snapshot: () => ids.map((id) => ({ state: 'delivered', id })),
    onRecord: () => {},
    onError: () => {},
  })
  for (let n = 0; n < 20; n++) await outbox.append([Buffer.alloc(500, 'x')])
  const batch = await outbox.read({ maxSamples: 1, maxBytes: 1_000 })
  if (batch !== null) outbox.settle(batch, 'delivered')
  await journal.append({ state: 'started', id: '1', command: 'reboot', correlationData: null })
  await setAside(folder, Buffer.from('{}'), new DeviceHubError('publish_failed', 'refused'))
  await expect.poll(() => readdirSync(folder), { timeout: 60_000 }).toContain('position')
  const modes = Object.fromEntries(readdirSync(folder).map((name) => [name, modeOf(join(folder, name))]))
  await journal.close()
  await outbox.close()
  return modes
}

test.each([0o022, 0o000])('with umask %o its folders are 0700 and all its files 0600', async (mask) => {
  using parent = temporaryFolder()
  chmodSync(parent.path, 0o755)
  const folder = join(parent.path, 'made', 'outbox')
  process.umask(mask)
  const modes = await fill(folder)
  process.umask(usual)
  expect(Object.keys(modes)).toEqual(
    expect.arrayContaining(['lock', 'position', 'commands.journal', 'set-aside.jsonl']),
  )
  expect(Object.keys(modes).filter((name) => name.endsWith('.segment')).length).toBeGreaterThan(1)
  expect(new Set(Object.values(modes))).toEqual(new Set(['600']))
  expect(modeOf(folder)).toBe('700')
  expect(modeOf(join(parent.path, 'made'))).toBe('700')
  expect(modeOf(parent.path)).toBe('755')
})

test('what an earlier version left readable is taken from others; its parent is not touched', async () => {
  using parent = temporaryFolder()
  chmodSync(parent.path, 0o755)
  const folder = join(parent.path, 'outbox')
  await fill(folder)
  for (const name of readdirSync(folder)) chmodSync(join(folder, name), 0o644)
  chmodSync(folder, 0o755)
  await (await open(folder)).close()
  expect(readdirSync(folder).map((name) => modeOf(join(folder, name)))).not.toContain('644')
  expect(modeOf(folder)).toBe('700')
  expect(modeOf(parent.path)).toBe('755')
})

test('in a folder that holds other things too only the files of the outbox are changed', async () => {
  using folder = temporaryFolder()
  chmodSync(folder.path, 0o755)
  mkdirSync(join(folder.path, 'config'))
  writeFileSync(join(folder.path, 'app.log'), 'text', { mode: 0o644 })
  writeFileSync(join(folder.path, 'position'), '1 x\n', { mode: 0o644 })
  await (await open(folder.path)).close()
  expect(modeOf(folder.path)).toBe('755')
  expect(modeOf(join(folder.path, 'app.log'))).toBe('644')
  expect(modeOf(join(folder.path, 'position'))).toBe('600')
})
