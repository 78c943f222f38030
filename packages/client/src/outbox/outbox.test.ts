import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../testing/temporary-folder.js'
import {
  ALL,
  body,
  bytesOfSegments,
  drain,
  fill,
  firstSegment,
  numbers,
  open,
  segmentsIn,
  waiting,
} from '../testing/test-outbox.js'
import type { Outbox } from './outbox.js'
import { HEADER_BYTES } from './record-format.js'

test('what was stored is there after a restart, in order; what was delivered is not', async () => {
  using folder = temporaryFolder()
  await fill(folder.path, numbers(100))
  const first = await open(folder.path)
  expect(first.stats()).toMatchObject({ queued: 100, queuedBytes: 100 * HEADER_BYTES + 190 })
  const batch = await first.read({ ...ALL, maxSamples: 30 })
  first.settle(batch as NonNullable<typeof batch>, 'delivered')
  await first.append([body('last')])
  await first.close()
  const second = await open(folder.path)
  expect(second.stats()).toMatchObject({ queued: 71 })
  expect(await drain(second)).toEqual([...numbers(70, 30).map(String), 'last'])
  expect(second.stats()).toMatchObject({ queued: 0, queuedBytes: 0, delivered: 71 })
  await second.close()
  expect(await waiting(folder.path)).toEqual([])
})

test('what was read and not settled is read again', async () => {
  using folder = temporaryFolder()
  const outbox = await open(folder.path, { positionInterval: 1 })
  await outbox.append(numbers(10).map(body))
  const batch = await outbox.read({ ...ALL, maxSamples: 5 })
  outbox.giveBack(batch as NonNullable<typeof batch>)
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(
    (await outbox.read({ ...ALL, maxSamples: 2 }))?.records.map(({ body: each }) => String(each)),
  ).toEqual(['0', '1'])
  await outbox.close()
  expect(await waiting(folder.path)).toEqual(numbers(10).map(String))
})

test('a read keeps to its bounds, and takes at least one', async () => {
  using folder = temporaryFolder()
  await using outbox = await open(folder.path)
  await outbox.append([body('x'.repeat(600)), body('y'.repeat(600)), body('z'.repeat(5000)), body('end')])
  const lengths: number[][] = []
  for (;;) {
    const batch = await outbox.read({ maxSamples: 10, maxBytes: 1300 })
    if (batch === null) break
    lengths.push(batch.records.map((record) => record.body.length))
    outbox.settle(batch, 'delivered')
  }
  expect(lengths).toEqual([[600, 600], [5000], [3]])
})

test('cut off at any byte of its tail, everything before is read and the outbox goes on', async () => {
  using folder = temporaryFolder()
  await fill(folder.path, ['a', 'b'])
  const file = firstSegment(folder.path)
  const intact = statSync(file).size
  const small = await open(folder.path)
  await small.append([body('the last one')])
  await small.close()
  const content = readFileSync(file)
  for (let length = intact; length < content.length; length++) {
    using copy = temporaryFolder()
    const torn = join(copy.path, basename(file))
    writeFileSync(torn, content.subarray(0, length))
    const outbox = await open(copy.path)
    expect(outbox.stats(), `cut at ${length}`).toMatchObject({
      queued: 2,
      corrupt: 0,
      torn: length > intact ? 1 : 0,
    })
    expect(statSync(torn).size).toBe(intact)
    await outbox.append([body('new')])
    await outbox.close()
    expect(await waiting(copy.path), `cut at ${length}`).toEqual(['a', 'b', 'new'])
  }
})

test('a tail of zeros or of garbage, as a power loss leaves it, is cut off', async () => {
  for (const tail of [Buffer.alloc(5000), Buffer.from('garbage'.repeat(100))]) {
    using folder = temporaryFolder()
    await fill(folder.path, ['a', 'b'])
    writeFileSync(firstSegment(folder.path), Buffer.concat([readFileSync(firstSegment(folder.path)), tail]))
    await fill(folder.path, ['c'])
    expect(await waiting(folder.path)).toEqual(['a', 'b', 'c'])
  }
})

test('whatever byte of a record in the middle is damaged, it alone is skipped, counted and reported', async () => {
  using folder = temporaryFolder()
  await fill(folder.path, ['first', 'second', 'third'])
  const file = firstSegment(folder.path)
  const content = readFileSync(file)
  const from = HEADER_BYTES + 'first'.length
  for (let at = from; at < from + HEADER_BYTES + 'second'.length; at++) {
    const bad = Buffer.from(content)
    bad[at] = (bad[at] as number) ^ 0xff
    writeFileSync(file, bad)
    const outbox = await open(folder.path)
    expect(outbox.stats(), `byte ${at}`).toMatchObject({ queued: 2, corrupt: 1 })
    const batches = [await outbox.read({ ...ALL, maxSamples: 1 })]
    expect(outbox.errors.map(({ code, message }) => [code, message])).toEqual([
      ['outbox_failed', expect.stringMatching(/1 samples .* lost, .* damaged/)],
    ])
    await outbox.close()
    expect(batches[0]?.records.map((record) => String(record.body))).toEqual(['first'])
    const again = await open(folder.path)
    const read: string[] = []
    // Not settled for good: the next round starts from the same position.
    for (let batch = await again.read(ALL); batch !== null; batch = await again.read(ALL)) {
      read.push(...batch.records.map((record) => String(record.body)))
      again.settle(batch, 'delivered')
    }
    expect(read, `byte ${at}`).toEqual(['first', 'third'])
    expect(again.stats()).toMatchObject({ queued: 0, queuedBytes: 0, corrupt: 1, delivered: 2 })
    await again.close()
    writeFileSync(join(folder.path, 'position'), '')
  }
})

test('damage that comes while the outbox is open is skipped and counted as well', async () => {
  using folder = temporaryFolder()
  await using outbox = await open(folder.path)
  await outbox.append(['first', 'second', 'third', 'fourth'].map(body))
  const file = firstSegment(folder.path)
  const bad = readFileSync(file)
  bad.fill(0, HEADER_BYTES + 5, 2 * HEADER_BYTES + 18)
  writeFileSync(file, bad)
  expect(await drain(outbox)).toEqual(['first', 'fourth'])
  expect(outbox.stats()).toMatchObject({ queued: 0, queuedBytes: 0, corrupt: 2, delivered: 2 })
})

test('a damaged segment between whole ones loses itself only, and damage that was delivered is not counted', async () => {
  using folder = temporaryFolder()
  const values = numbers(60).map((n) => String(n).padStart(1000, '.'))
  const outbox = await open(folder.path, { maxBytes: 1 << 16 })
  await outbox.append(values.map(body))
  await outbox.close()
  const [, second = ''] = segmentsIn(folder.path)
  writeFileSync(second, Buffer.alloc(statSync(second).size))
  const again = await open(folder.path, { maxBytes: 1 << 16 })
  const lost = again.stats().corrupt
  expect(lost).toBeGreaterThan(1)
  const first = Number.parseInt(basename(second), 10) - 1
  expect(await drain(again)).toEqual(values.filter((_, index) => index < first || index >= first + lost))
  await again.close()
  const done = await open(folder.path, { maxBytes: 1 << 16 })
  expect(done.stats()).toMatchObject({ queued: 0, corrupt: 0 })
  await done.close()
})

test('a position that was lost costs a redelivery, not a sample', async () => {
  using folder = temporaryFolder()
  const outbox = await open(folder.path)
  await outbox.append(numbers(5).map(body))
  await drain(outbox)
  await outbox.append([body('new')])
  await outbox.close()
  truncateSync(join(folder.path, 'position'), 2)
  expect(await waiting(folder.path)).toEqual([...numbers(5).map(String), 'new'])
})

test('a position without segments does not hide what is stored later', async () => {
  using folder = temporaryFolder()
  const outbox = await open(folder.path, { maxBytes: 1 << 16 })
  await outbox.append(numbers(200).map((n) => body(String(n).padStart(200, '.'))))
  await drain(outbox)
  await outbox.close()
  expect(segmentsIn(folder.path)).toEqual([])
  await fill(folder.path, ['new'])
  expect(await waiting(folder.path)).toEqual(['new'])
})

test('segments are deleted when all in them was delivered', async () => {
  using folder = temporaryFolder()
  await using outbox = await open(folder.path, { maxBytes: 1 << 16 })
  for (const n of numbers(50)) {
    await outbox.append(numbers(20).map((m) => body(String(20 * n + m).padStart(100, '.'))))
    await drain(outbox)
  }
  expect(segmentsIn(folder.path).length).toBeLessThanOrEqual(2)
  expect(outbox.stats()).toMatchObject({ queued: 0, queuedBytes: 0, delivered: 1000, dropped: 0 })
})

test('invariant 5: past maxBytes the oldest go, and are counted', async () => {
  using folder = temporaryFolder()
  await using outbox = await open(folder.path, { maxBytes: 1 << 16 })
  for (const n of numbers(2000)) await outbox.append([body(String(n).padStart(100, '.'))])
  const { dropped, queued } = outbox.stats()
  expect(dropped + queued).toBe(2000)
  expect(bytesOfSegments(folder.path)).toBeLessThanOrEqual(1 << 16)
  // No more than a sixteenth below the bound.
  expect(queued * (100 + HEADER_BYTES)).toBeGreaterThan((1 << 16) * 0.85)
  expect(await drain(outbox)).toEqual(numbers(queued, dropped).map((n) => String(n).padStart(100, '.')))
  expect(outbox.errors[0]).toMatchObject({ code: 'queue_full' })
})

test("invariant 5: with drop 'newest' what is confirmed stays, and the rest is refused and counted", async () => {
  using folder = temporaryFolder()
  await using outbox = await open(folder.path, { maxBytes: 1 << 16, drop: 'newest' })
  const outcomes = await Promise.allSettled(
    numbers(1000).map((n) => outbox.append([body(String(n).padStart(100, '.'))])),
  )
  const taken = numbers(1000).filter((n) => outcomes[n]?.status === 'fulfilled')
  expect(outcomes.at(-1)).toMatchObject({ reason: { code: 'queue_full' } })
  expect(outbox.stats()).toMatchObject({ queued: taken.length, dropped: 1000 - taken.length })
  expect(await drain(outbox)).toEqual(taken.map((n) => String(n).padStart(100, '.')))
  await outbox.append([body('room again')])
  expect(await drain(outbox)).toEqual(['room again'])
})

test('what is on its way to the broker while its segment is dropped is counted once', async () => {
  for (const arrives of [true, false]) {
    using folder = temporaryFolder()
    await using outbox = await open(folder.path, { maxBytes: 1 << 14 })
    await outbox.append(numbers(10).map(body))
    const batch = (await outbox.read({ ...ALL, maxSamples: 4 })) as NonNullable<
      Awaited<ReturnType<Outbox['read']>>
    >
    for (const n of numbers(200)) await outbox.append([body(String(n).padStart(200, '.'))])
    if (arrives) outbox.settle(batch, 'delivered')
    else outbox.giveBack(batch)
    const { queued, dropped, delivered } = outbox.stats()
    expect(delivered).toBe(arrives ? 4 : 0)
    expect(queued + dropped + delivered).toBe(210)
    expect(await drain(outbox)).toHaveLength(queued)
  }
})

test('a sample that is larger than the outbox is refused, a large one makes its own segment', async () => {
  using folder = temporaryFolder()
  await using outbox = await open(folder.path, { maxBytes: 1 << 16 })
  await expect(outbox.append([Buffer.alloc(1 << 16)])).rejects.toMatchObject({ code: 'invalid_payload' })
  await outbox.append([body('small'), Buffer.alloc(60_000, 'x')])
  expect((await drain(outbox)).map(({ length }) => length)).toEqual([5, 60_000])
})

test('an aborted sample that waits for the disk is not stored', async () => {
  using folder = temporaryFolder()
  await using outbox = await open(folder.path)
  const controller = new AbortController()
  const aborted = outbox.append([body('aborted')], controller.signal)
  const stored = outbox.append([body('stored')])
  controller.abort(new Error('too late'))
  await expect(aborted).rejects.toThrow('too late')
  await stored
  expect(await drain(outbox)).toEqual(['stored'])
})

test('closing stores what waits for the disk, and takes no more', async () => {
  using folder = temporaryFolder()
  const outbox = await open(folder.path, { maxBytes: 4 << 20 })
  let stored = 0
  for (const n of numbers(50))
    outbox.append([body(n), Buffer.alloc(20_000, ' ')]).then(
      () => stored++,
      () => {},
    )
  await outbox.close()
  expect(stored).toBe(50)
  await expect(outbox.append([body('late')])).rejects.toMatchObject({ code: 'closed' })
  await using again = await open(folder.path, { maxBytes: 4 << 20 })
  expect(again.stats().queued).toBe(100)
})
