import { appendFileSync, existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DeviceHubError } from '@devicehub/core/definition'
import { expect, test } from 'vitest'
import { testOnSmallDisk } from '../testing/small-disk.js'
import { temporaryFolder } from '../testing/temporary-folder.js'
import { type CommandJournal, type JournalRecord, openCommandJournal } from './command-journal.js'

const started = (id: string): JournalRecord => ({ state: 'started', id, command: 'c', correlationData: null })
const finished = (id: string, reply = 'x'): JournalRecord => ({
  state: 'finished',
  id,
  command: 'c',
  correlationData: null,
  reply,
})

async function openJournal(folder: string, given?: () => Iterable<JournalRecord>) {
  const records: JournalRecord[] = []
  const snapshot = given ?? (() => records)
  const errors: DeviceHubError[] = []
  const journal = await openCommandJournal({
    folder,
    snapshot,
    onRecord: (record) => records.push(record),
    onError: (error) => errors.push(error),
  })
  return { journal, records, errors }
}

async function reopened(folder: string) {
  const { journal, records, errors } = await openJournal(folder)
  await journal.close()
  return { records, errors }
}

const fileIn = (folder: string) => join(folder, 'commands.journal')

test('what was appended is there again, in order, also what is appended at the same time', async () => {
  using folder = temporaryFolder()
  const { journal } = await openJournal(folder.path)
  await journal.append(started('a'))
  await Promise.all(['b', 'c', 'd'].map((id) => journal.append(started(id))))
  await journal.append(finished('a'))
  await journal.close()
  const again = await openJournal(folder.path)
  expect(again.records).toEqual([...['a', 'b', 'c', 'd'].map(started), finished('a')])
  await again.journal.append({ state: 'delivered', id: 'a' })
  await again.journal.close()
  expect((await reopened(folder.path)).records).toHaveLength(6)
})

test('an incomplete last record is cut off silently, wherever it ends, and the journal continues', async () => {
  using folder = temporaryFolder()
  const { journal } = await openJournal(folder.path)
  await journal.append(started('a'))
  const whole = statSync(fileIn(folder.path)).size
  await journal.append(started('b'))
  await journal.close()
  const full = readFileSync(fileIn(folder.path))
  for (let cut = whole; cut < full.length; cut++) {
    writeFileSync(fileIn(folder.path), full)
    truncateSync(fileIn(folder.path), cut)
    const again = await openJournal(folder.path)
    expect(again.records).toEqual([started('a')])
    expect(again.errors).toEqual([])
    await again.journal.append(started('c'))
    await again.journal.close()
    expect(await reopened(folder.path)).toEqual({ records: [started('a'), started('c')], errors: [] })
  }
})

test('a damaged record is skipped, reported once, and the others stay', async () => {
  using folder = temporaryFolder()
  const { journal } = await openJournal(folder.path)
  for (const id of ['a', 'b', 'c']) await journal.append(started(id))
  await journal.close()
  const content = readFileSync(fileIn(folder.path))
  content[Math.floor(content.length / 2)] = 0
  writeFileSync(fileIn(folder.path), content)
  const first = await reopened(folder.path)
  expect(first.records).toEqual([started('a'), started('c')])
  expect(first.errors).toMatchObject([{ code: 'outbox_failed', details: { corrupt: 1 } }])
  const second = await reopened(folder.path)
  expect(second.records).toEqual([started('a'), started('c')])
  expect(second.errors).toEqual([])
})

test('rubbish is no record', async () => {
  using folder = temporaryFolder()
  writeFileSync(fileIn(folder.path), 'not a journal at all, but long enough to be looked at')
  const { journal, records } = await openJournal(folder.path)
  expect(records).toEqual([])
  await journal.append(started('a'))
  await journal.close()
  expect((await reopened(folder.path)).records).toEqual([started('a')])
})

test('invariant 5: a journal that has grown is rewritten with its current records, and leaves no other file', async () => {
  using folder = temporaryFolder()
  let last: JournalRecord[] = []
  const { journal } = await openJournal(folder.path, () => last)
  let largest = 0
  for (let n = 0; n < 300; n++) {
    last = [...last.slice(-2), finished(`c-${n}`, 'x'.repeat(10_000))]
    await journal.append(last.at(-1) as JournalRecord)
    largest = Math.max(largest, statSync(fileIn(folder.path)).size)
  }
  expect(largest).toBeLessThan(300_000)
  await journal.close()
  const { records } = await reopened(folder.path)
  expect(records.slice(-3)).toEqual(last)
  expect(existsSync(`${fileIn(folder.path)}.new`)).toBe(false)
})

test('a half rewritten file of a killed process is not read', async () => {
  using folder = temporaryFolder()
  const { journal } = await openJournal(folder.path)
  await journal.append(started('a'))
  await journal.close()
  appendFileSync(`${fileIn(folder.path)}.new`, 'half of one')
  expect((await reopened(folder.path)).records).toEqual([started('a')])
  expect(existsSync(`${fileIn(folder.path)}.new`)).toBe(false)
})

testOnSmallDisk(
  'a full disk is an error of each append, of which nothing stays, and passes',
  '64k',
  async (disk) => {
    const { journal } = await openJournal(disk.path)
    await journal.append(started('a'))
    writeFileSync(join(disk.path, 'filler'), Buffer.alloc(40 << 10))
    const outcomes: (string | Error)[] = []
    const fill = (open: CommandJournal, id: string) =>
      open.append(finished(id, 'x'.repeat(3000))).then(
        () => void outcomes.push(id),
        (error: Error) => void outcomes.push(error),
      )
    for (let n = 0; n < 40; n++) await fill(journal, `c-${n}`)
    const failures = outcomes.filter((outcome) => outcome instanceof Error)
    expect(failures.length).toBeGreaterThan(20)
    expect(failures[0]).toMatchObject({ code: 'outbox_failed', details: { errno: 'ENOSPC' } })
    truncateSync(join(disk.path, 'filler'), 0)
    await journal.append(started('z'))
    await journal.close()
    const stored = outcomes.filter((outcome) => typeof outcome === 'string')
    const { records, errors } = await reopened(disk.path)
    expect(records.map(({ id }) => id)).toEqual(['a', ...stored, 'z'])
    expect(errors).toEqual([])
  },
)
