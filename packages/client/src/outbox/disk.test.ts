import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { mount, testOnSmallDisk } from '../testing/small-disk.js'
import { temporaryFolder } from '../testing/temporary-folder.js'
import { openOutbox } from './outbox.js'

const open = (folder: string) =>
  openOutbox({
    folder,
    maxBytes: 1 << 20,
    drop: 'oldest',
    maxQueued: 10_000,
    maxQueuedBytes: 16 << 20,
    onError: () => {},
  })

async function bodiesIn(folder: string): Promise<string[]> {
  const outbox = await open(folder)
  const batch = await outbox.read({ maxSamples: 10_000, maxBytes: 1 << 20 })
  await outbox.close()
  return batch?.records.map(({ body }) => body.toString()) ?? []
}

const sample = (n: number) => Buffer.from(String(n).padStart(100, '.'))

testOnSmallDisk(
  'a full disk is an error of each call, loses nothing before, and passes',
  '64k',
  async (disk) => {
    const folder = join(disk.path, 'outbox')
    const filler = join(disk.path, 'filler')
    const outbox = await open(folder)
    await outbox.append([sample(0)])
    writeFileSync(filler, Buffer.alloc(40 << 10))
    const stored = [0]
    let failed = 0
    for (let n = 1; n < 400; n++)
      await outbox.append([sample(n)]).then(
        () => stored.push(n),
        (error) => {
          failed++
          expect(error).toMatchObject({ code: 'outbox_failed', details: { errno: 'ENOSPC' } })
          expect(error.message).toMatch(/the disk is full: free space\. The space of delivered samples/)
        },
      )
    expect(failed).toBeGreaterThan(50)
    expect(stored.length).toBeGreaterThan(50)
    expect(outbox.stats()).toMatchObject({ queued: stored.length, dropped: 0 })
    rmSync(filler)
    await outbox.append([sample(1000)])
    await outbox.close()
    expect(await bodiesIn(folder)).toEqual([...stored, 1000].map((n) => sample(n).toString()))
  },
)

testOnSmallDisk('of a batch that the full disk took in part nothing stays', '64k', async (disk) => {
  const folder = join(disk.path, 'outbox')
  const outbox = await open(folder)
  await outbox.append([sample(0)])
  writeFileSync(join(disk.path, 'filler'), Buffer.alloc(40 << 10))
  const batch = Array.from({ length: 300 }, (_, n) => sample(n + 1))
  await expect(outbox.append(batch)).rejects.toMatchObject({ details: { errno: 'ENOSPC' } })
  expect(statSync(join(folder, '0000000000000001.segment')).size).toBe(120)
  await outbox.close()
  expect(await bodiesIn(folder)).toEqual([sample(0).toString()])
})

testOnSmallDisk('a disk that turns read-only is an error of each call and passes', '1m', async (disk) => {
  const folder = join(disk.path, 'outbox')
  const first = await open(folder)
  await first.append([sample(0)])
  await first.close()
  mount('-o', 'remount,ro', disk.path)
  await expect(open(folder)).rejects.toMatchObject({
    code: 'outbox_failed',
    details: { errno: 'EROFS' },
    message: expect.stringMatching(/read-only: mount it for writing/),
  })
  mount('-o', 'remount,rw', disk.path)
  expect(await bodiesIn(folder)).toEqual([sample(0).toString()])
})

test('a folder that cannot be made is an error that names it', async () => {
  using folder = temporaryFolder()
  const file = join(folder.path, 'file')
  writeFileSync(file, '')
  await expect(open(join(file, 'outbox'))).rejects.toMatchObject({
    code: 'outbox_failed',
    details: { errno: 'ENOTDIR', folder: join(file, 'outbox') },
  })
})

test('a folder where a segment should go is an error of that call only', async () => {
  using folder = temporaryFolder()
  const outbox = await open(folder.path)
  const obstacle = join(folder.path, '0000000000000001.segment')
  mkdirSync(obstacle)
  await expect(outbox.append([sample(1)])).rejects.toMatchObject({ code: 'outbox_failed' })
  rmSync(obstacle, { recursive: true })
  await outbox.append([sample(2)])
  expect(outbox.stats()).toMatchObject({ queued: 1 })
  await outbox.close()
  expect(await bodiesIn(folder.path)).toEqual([sample(2).toString()])
})
