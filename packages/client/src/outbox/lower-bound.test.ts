import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../testing/temporary-folder.js'
import { ALL, body, bytesOfSegments, drain, numbers, open, segmentsIn, wide } from '../testing/test-outbox.js'
import { cutFront } from './cut-front.js'
import { positionFile } from './position-file.js'
import { emptySegment } from './segment.js'
import type { StoredBatch } from './segment-reader.js'

const COUNT = 2000

/** One segment of 240,000 bytes, which a small bound would make fifteen of. */
async function fillLarge(folder: string): Promise<void> {
  await using outbox = await open(folder, { maxBytes: 64 << 20 })
  await outbox.append(numbers(COUNT).map((n) => body(wide(n))))
}

test('lowering maxBytes drops only as much of the oldest as is too much, counted and reported', async () => {
  using folder = temporaryFolder()
  await fillLarge(folder.path)
  const maxBytes = 200_000
  await using outbox = await open(folder.path, { maxBytes })
  await outbox.append([body(wide(COUNT))])
  const { dropped, queued } = outbox.stats()
  expect(dropped * 120).toBeGreaterThanOrEqual((COUNT + 1) * 120 - maxBytes)
  expect(dropped * 120).toBeLessThan((COUNT + 1) * 120 - maxBytes + maxBytes / 16 + 240)
  expect(dropped + queued).toBe(COUNT + 1)
  expect(outbox.errors.map(({ code, details }) => [code, details.dropped])).toEqual([['queue_full', dropped]])
  expect(bytesOfSegments(folder.path)).toBeLessThanOrEqual(maxBytes)
  expect(await drain(outbox)).toEqual(numbers(queued, dropped).map(wide))
})

test('after that a sixteenth at a time, while new ones come and old ones go', async () => {
  using folder = temporaryFolder()
  await fillLarge(folder.path)
  const maxBytes = 100_000
  await using outbox = await open(folder.path, { maxBytes, positionInterval: 1 })
  let recorded = COUNT
  let delivered: string[] = []
  for (const _ of numbers(100)) {
    const before = outbox.stats().dropped
    await outbox.append(numbers(10).map(() => body(wide(recorded++))))
    if (before > 0) expect((outbox.stats().dropped - before) * 120).toBeLessThan(maxBytes / 8)
    delivered = delivered.concat(await drain(outbox, 2))
    expect(bytesOfSegments(folder.path)).toBeLessThanOrEqual(maxBytes)
  }
  delivered = delivered.concat(await drain(outbox))
  const { dropped, corrupt, queued, queuedBytes } = outbox.stats()
  expect({ corrupt, queued, queuedBytes }).toEqual({ corrupt: 0, queued: 0, queuedBytes: 0 })
  expect(delivered.length + dropped).toBe(recorded)
  expect(delivered).toEqual([...delivered].sort())
  expect(new Set(delivered).size).toBe(delivered.length)
})

test.each([true, false])(
  'what is under way while the front is dropped counts once (arrives: %s)',
  async (arrives) => {
    using folder = temporaryFolder()
    await fillLarge(folder.path)
    await using outbox = await open(folder.path, { maxBytes: 200_000 })
    const batch = (await outbox.read({ ...ALL, maxSamples: 1000 })) as StoredBatch
    await outbox.append([body(wide(COUNT))])
    expect(outbox.stats().dropped).toBe(0)
    if (arrives) outbox.settle(batch, 'delivered')
    else outbox.giveBack(batch)
    const { delivered, dropped, queued } = outbox.stats()
    expect(delivered).toBe(arrives ? 1000 : 0)
    expect(delivered + dropped + queued).toBe(COUNT + 1)
    expect(await drain(outbox)).toEqual(numbers(queued, COUNT + 1 - queued).map(wide))
    expect(outbox.stats()).toMatchObject({ queued: 0, queuedBytes: 0, corrupt: 0 })
  },
)

test('killed at any moment while the rest is moved to the front, all of it is there once and in order', async () => {
  using folder = temporaryFolder()
  await fillLarge(folder.path)
  const [name = ''] = segmentsIn(folder.path)
  const whole = readFileSync(name)
  const cut = 300 * 120
  for (const moved of [0, 50, 1200, 36_000, 36_033, 100_001, whole.length - cut]) {
    using copy = temporaryFolder()
    // What `cutFront` has written by then, and the rest as it was.
    const content = Buffer.from(whole)
    whole.copy(content, 0, cut, cut + moved)
    writeFileSync(join(copy.path, '0000000000000001.segment'), content)
    await positionFile(copy.path).write({ position: 301, end: COUNT + 1 })
    const outbox = await open(copy.path)
    expect(outbox.stats(), `${moved} bytes were moved`).toMatchObject({ queued: COUNT - 300, corrupt: 0 })
    expect(await drain(outbox)).toEqual(numbers(COUNT - 300, 300).map(wide))
    expect(outbox.stats()).toMatchObject({ queued: 0, queuedBytes: 0, corrupt: 0 })
    await outbox.close()
  }
})

test('the rest is moved whatever its size is', async () => {
  using folder = temporaryFolder()
  const file = join(folder.path, 'file')
  for (const [length, cut] of [
    [10, 9],
    [10, 1],
    [1000, 300],
    [1000, 1000],
  ] as const) {
    const content = Buffer.from(numbers(length).map((n) => n % 251))
    writeFileSync(file, content)
    await cutFront(Object.assign(emptySegment(file, 1), { bytes: length }), cut)
    expect(readFileSync(file)).toEqual(content.subarray(cut))
  }
})
