import { randomBytes } from 'node:crypto'
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../testing/temporary-folder.js'
import { body, drain, numbers, open, segmentsIn, wide } from '../testing/test-outbox.js'
import type { StoredBatch } from './segment-reader.js'

const SMALL = { maxBytes: 1 << 16 }
const COUNT = 160

const damages = {
  'cut off in the middle of a record': (file: string) => truncateSync(file, (statSync(file).size >> 1) + 7),
  'cut off between two records': (file: string) => truncateSync(file, 120 * 5),
  emptied: (file: string) => truncateSync(file, 0),
  deleted: (file: string) => rmSync(file),
  'filled with noise': (file: string) => writeFileSync(file, randomBytes(statSync(file).size)),
  'filled with noise in its middle': (file: string) => {
    const content = readFileSync(file)
    writeFileSync(file, content.fill(randomBytes(1), 500, 2000))
  },
  'a folder by now': (file: string) => {
    rmSync(file)
    mkdirSync(file)
  },
  'filled with zeros': (file: string) => writeFileSync(file, Buffer.alloc(statSync(file).size)),
}

/** Position of the segment among all of them; its damage must be seen wherever it is. */
const places = { oldest: 0, middle: 2, newest: -1 }

describe.each(Object.keys(places) as (keyof typeof places)[])('the %s segment', (place) => {
  test.each(Object.keys(damages) as (keyof typeof damages)[])(
    '%s: what was lost is counted, told once and not again, and the rest is delivered',
    async (damage) => {
      using folder = temporaryFolder()
      const before = await open(folder.path, SMALL)
      await before.append(numbers(COUNT).map((n) => body(wide(n))))
      await before.close()
      expect(segmentsIn(folder.path).length).toBeGreaterThan(3)
      damages[damage](segmentsIn(folder.path).at(places[place]) as string)

      const outbox = await open(folder.path, SMALL)
      const { corrupt, queued, torn } = outbox.stats()
      expect(corrupt).toBeGreaterThan(5)
      expect(corrupt + queued).toBe(COUNT)
      expect(torn).toBe(0)
      expect(outbox.errors.map(({ code, details }) => [code, details.corrupt])).toEqual([
        ['outbox_failed', corrupt],
      ])
      await outbox.append([body('new')])
      const delivered = await drain(outbox)
      expect(delivered).toEqual(
        [...numbers(COUNT).map(wide), 'new'].filter((each) => delivered.includes(each)),
      )
      expect(delivered).toHaveLength(queued + 1)
      expect(outbox.stats()).toMatchObject({ queued: 0, queuedBytes: 0, corrupt })
      await outbox.close()

      await using again = await open(folder.path, SMALL)
      expect(again.stats()).toMatchObject({ queued: 0, corrupt: 0 })
      expect(again.errors).toEqual([])
    },
  )
})

test('an outbox whose only segment was emptied reports what was in it', async () => {
  using folder = temporaryFolder()
  const before = await open(folder.path)
  await before.append(numbers(300).map(body))
  await drain(before, 100)
  await before.close()
  truncateSync(segmentsIn(folder.path)[0] as string, 0)
  await using outbox = await open(folder.path)
  expect(outbox.stats()).toMatchObject({ queued: 0, corrupt: 200, torn: 0 })
})

test('a record that was being written when the process was killed is torn, not corrupt', async () => {
  using folder = temporaryFolder()
  const before = await open(folder.path)
  await before.append(numbers(10).map(body))
  await before.close()
  const [file = ''] = segmentsIn(folder.path)
  appendFileSync(file, readFileSync(file).subarray(0, 15))
  const outbox = await open(folder.path)
  expect(outbox.stats()).toMatchObject({ queued: 10, corrupt: 0, torn: 1 })
  expect(outbox.errors).toEqual([])
  await outbox.close()
  await using again = await open(folder.path)
  expect(again.stats()).toMatchObject({ queued: 10, corrupt: 0, torn: 0 })
})

test('what was delivered or dropped never counts as lost, across restarts too', async () => {
  using folder = temporaryFolder()
  let recorded = 0
  for (const most of [0, 30, 200, 0, 1, 500]) {
    const outbox = await open(folder.path, { ...SMALL, positionInterval: 1 })
    expect(outbox.stats()).toMatchObject({ corrupt: 0, torn: 0 })
    for (const _ of numbers(20)) await outbox.append(numbers(20).map(() => body(wide(recorded++))))
    await drain(outbox, most)
    await outbox.close()
    expect(outbox.errors.filter(({ code }) => code !== 'queue_full')).toEqual([])
  }
})

test('killed right after a segment was deleted, because it was delivered or had to go, nothing is taken for lost', async () => {
  using folder = temporaryFolder()
  await using outbox = await open(folder.path, { ...SMALL, positionInterval: 3_600_000 })
  await outbox.append(numbers(COUNT).map((n) => body(wide(n))))
  const asKilled = async () => {
    using copy = temporaryFolder()
    cpSync(folder.path, copy.path, { recursive: true, filter: (name) => !name.endsWith('lock') })
    const { queued, ...rest } = outbox.stats()
    await using next = await open(copy.path, SMALL)
    expect(next.stats()).toMatchObject({ corrupt: 0, torn: 0 })
    expect(next.stats().queued).toBeGreaterThanOrEqual(queued)
    return rest
  }
  const segments = segmentsIn(folder.path).length
  await drain(outbox, 70)
  outbox.giveBack((await outbox.read({ maxSamples: 1, maxBytes: 1 })) as StoredBatch)
  expect(segmentsIn(folder.path).length).toBeLessThan(segments)
  await asKilled()
  for (const n of numbers(600, COUNT)) await outbox.append([body(wide(n))])
  expect((await asKilled()).dropped).toBeGreaterThan(100)
})

test('one of the two places of the position may be damaged', async () => {
  for (const place of [0, 512]) {
    using folder = temporaryFolder()
    const before = await open(folder.path, { positionInterval: 1 })
    for (const n of numbers(5)) {
      await before.append([body(n), body(n)])
      await drain(before, 1)
    }
    await before.close()
    const file = join(folder.path, 'position')
    const content = readFileSync(file)
    expect(content.byteLength).toBe(1024)
    writeFileSync(file, content.fill('?', place, place + 8))
    await using outbox = await open(folder.path)
    expect(outbox.stats().queued).toBeGreaterThanOrEqual(5)
    expect(outbox.stats()).toMatchObject({ corrupt: 0 })
  }
})

test('with its position, too, filled with noise it is told that nothing is known, and what is noise counts', async () => {
  using folder = temporaryFolder()
  const before = await open(folder.path)
  await before.append(numbers(10).map(body))
  await before.close()
  const position = join(folder.path, 'position')
  writeFileSync(position, randomBytes(1024))
  const again = await open(folder.path)
  expect(again.stats()).toMatchObject({ queued: 10, corrupt: 0, torn: 0 })
  expect(again.errors.map(({ message }) => message)).toEqual([
    expect.stringMatching(/position .* is damaged/),
  ])
  await again.close()
  for (const file of [position, ...segmentsIn(folder.path)]) writeFileSync(file, randomBytes(500))
  await using last = await open(folder.path)
  expect(last.stats()).toMatchObject({ queued: 0, corrupt: 1, torn: 0 })
  expect(last.errors.map(({ code }) => code)).toEqual(['outbox_failed', 'outbox_failed'])
})

test('a position as an earlier version wrote it counts, and says nothing of what came behind', async () => {
  using folder = temporaryFolder()
  const before = await open(folder.path)
  await before.append(numbers(10).map(body))
  await before.close()
  writeFileSync(join(folder.path, 'position'), '4 f3b61b38\n')
  const outbox = await open(folder.path)
  expect(outbox.stats()).toMatchObject({ queued: 7, corrupt: 0 })
  await outbox.close()
  await using again = await open(folder.path)
  expect(await drain(again)).toEqual(numbers(7, 3).map(String))
})
