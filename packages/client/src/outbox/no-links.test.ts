import { mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DeviceHubError } from '@devicehub/core/definition'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../testing/temporary-folder.js'
import { ALL, body, drain, open, segmentsIn, wide } from '../testing/test-outbox.js'
import { openCommandJournal } from './command-journal.js'
import { setAside } from './set-aside.js'

const onUnix = test.skipIf(process.platform === 'win32')
const FOREIGN = 'of somebody else'

/** A file outside, and what puts a link to it in the place of a file of the outbox. */
function setUp() {
  const parent = temporaryFolder()
  const folder = join(parent.path, 'outbox')
  const target = join(parent.path, 'target')
  mkdirSync(folder, { mode: 0o700 })
  writeFileSync(target, FOREIGN, { mode: 0o644 })
  return {
    folder,
    target,
    link(name: string) {
      rmSync(join(folder, name), { force: true })
      symlinkSync(target, join(folder, name))
    },
    [Symbol.dispose]: () => parent[Symbol.dispose](),
  }
}

function expectUntouched(target: string): void {
  expect(readFileSync(target, 'utf8')).toBe(FOREIGN)
  expect((statSync(target).mode & 0o777).toString(8)).toBe('644')
}

const REFUSED = /\(ELOOP\).* is a symbolic link, and the outbox follows none in its folder: remove it$/

onUnix.each(['position', '0000000000000001.segment', 'commands.journal'])(
  'a link in place of %s is refused at the start, whether something is behind it or not',
  async (name) => {
    using it = setUp()
    const start = async () => {
      await using _ = await open(it.folder)
      const none = () => {}
      await openCommandJournal({ folder: it.folder, snapshot: () => [], onRecord: none, onError: none })
    }
    it.link(name)
    for (const isThere of [true, false]) {
      if (!isThere) rmSync(it.target)
      await expect(start()).rejects.toMatchObject({
        code: 'outbox_failed',
        message: expect.stringMatching(REFUSED),
      })
      if (isThere) expectUntouched(it.target)
    }
    rmSync(join(it.folder, name))
    await start()
  },
)

onUnix('a sample is set aside through no link, and the report says so', async () => {
  using it = setUp()
  it.link('set-aside.jsonl')
  const report = await setAside(it.folder, body(1), new DeviceHubError('publish_failed', 'refused'))
  expect(report.message).toMatch(/\(not written: .*set-aside\.jsonl is a symbolic link.*\): refused$/)
  expectUntouched(it.target)
})

onUnix('a link that takes the place of a segment later is not read, cut or emptied', async () => {
  using it = setUp()
  const outbox = await open(it.folder, { maxBytes: 16 << 10, positionInterval: 1 })
  for (let n = 0; n < 20; n++) await outbox.append([body(wide(n))])
  const [oldest = ''] = segmentsIn(it.folder)
  it.link(oldest.slice(it.folder.length + 1))
  await expect(outbox.read(ALL)).rejects.toThrow(REFUSED)
  // More than fits: the oldest has to go.
  for (let n = 0; n < 200; n++) await outbox.append([body(wide(n))]).catch(() => {})
  await outbox.close()
  expectUntouched(it.target)
})

onUnix('a link in place of a segment that is done with goes, and what it leads to stays', async () => {
  using it = setUp()
  const outbox = await open(it.folder)
  await outbox.append([body(1)])
  expect(await drain(outbox)).toEqual(['1'])
  const [only = ''] = segmentsIn(it.folder)
  it.link(only.slice(it.folder.length + 1))
  await outbox.close()
  expect(segmentsIn(it.folder)).toEqual([])
  expectUntouched(it.target)
})

onUnix('a link in place of the position later is not written through', async () => {
  using it = setUp()
  const outbox = await open(it.folder)
  await outbox.append([body(1)])
  it.link('position')
  await outbox.close()
  expect(outbox.errors.map(({ message }) => message)).toContainEqual(expect.stringMatching(REFUSED))
  expectUntouched(it.target)
})

onUnix('the folder itself may be a link: what it points to is the outbox', async () => {
  using it = setUp()
  const real = join(it.folder, 'real')
  const linked = join(it.folder, 'linked')
  mkdirSync(real, { mode: 0o755 })
  symlinkSync(real, linked)
  for (const value of [1, 2]) {
    await using outbox = await open(linked)
    await outbox.append([body(value)])
  }
  expect((statSync(real).mode & 0o777).toString(8)).toBe('700')
  await using outbox = await open(linked)
  expect(await drain(outbox)).toEqual(['1', '2'])
})
