import { readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { createDeviceClient } from '../create-device-client.js'
import { startScriptedBroker } from '../testing/scripted-broker.js'
import { type SmallDisk, testOnSmallDisk } from '../testing/small-disk.js'
import { body, bytesOfSegments, drain, numbers, open, segmentsIn, wide } from '../testing/test-outbox.js'

const WAIT = { timeout: 60_000, interval: 10 }
/** The default: far more than the disk has. */
const LARGE = { maxBytes: 64 << 20 }
const HALF_MEGABYTE = 512 << 10

const freeOn = ({ path }: SmallDisk) => {
  const { bavail, bsize } = statfsSync(path)
  return bavail * bsize
}

/** Records until the disk takes no more; how many it took. */
async function fillUp(record: (n: number) => Promise<void>): Promise<number> {
  for (let n = 0; ; n++)
    try {
      await record(n)
    } catch (error) {
      expect(error).toMatchObject({ code: 'outbox_failed', details: { errno: 'ENOSPC' } })
      return n
    }
}

/** Leaves not one block. */
function takeTheRest(disk: SmallDisk): void {
  for (let n = 0; freeOn(disk) > 0; n++) writeFileSync(join(disk.path, `filler-${n}`), Buffer.alloc(4096))
}

testOnSmallDisk(
  'a disk that the outbox filled takes samples again once all are delivered',
  '512k',
  async (disk) => {
    const folder = join(disk.path, 'outbox')
    await using outbox = await open(folder, { ...LARGE, positionInterval: 3_600_000 })
    const count = await fillUp((n) => outbox.append([body(wide(n))]))
    takeTheRest(disk)
    expect(await drain(outbox)).toHaveLength(count)
    const next = 'x'.repeat(10_000)
    await outbox.append([body(next)])
    expect(await drain(outbox)).toEqual([next])
    expect(bytesOfSegments(folder)).toBeLessThan(11_000)
    expect(outbox.errors).toEqual([])
  },
)

testOnSmallDisk('the space of delivered samples is freed while the outbox is open', '512k', async (disk) => {
  const folder = join(disk.path, 'outbox')
  await using outbox = await open(folder, { ...LARGE, positionInterval: 5 })
  await fillUp((n) => outbox.append([body(wide(n))]))
  expect(freeOn(disk)).toBeLessThan(4096)
  await drain(outbox)
  await expect.poll(() => freeOn(disk), WAIT).toBeGreaterThan(HALF_MEGABYTE * 0.9)
})

testOnSmallDisk(
  'on a full disk it is kept what was delivered, so that no start sends it again',
  '512k',
  async (disk) => {
    const folder = join(disk.path, 'outbox')
    const first = await open(folder, LARGE)
    const count = await fillUp((n) => first.append([body(wide(n))]))
    takeTheRest(disk)
    await drain(first, 1000)
    await first.close()
    const second = await open(folder, LARGE)
    expect(second.stats()).toMatchObject({ queued: count - 1000, corrupt: 0 })
    await drain(second)
    await second.close()
    expect([...first.errors, ...second.errors]).toEqual([])
    await using third = await open(folder, LARGE)
    expect(third.stats()).toMatchObject({ queued: 0, corrupt: 0 })
    await third.append([body('new')])
  },
)

testOnSmallDisk('the room of what is delivered is used before the rest is', '512k', async (disk) => {
  const folder = join(disk.path, 'outbox')
  await using outbox = await open(folder, LARGE)
  const count = await fillUp((n) => outbox.append([body(wide(n))]))
  takeTheRest(disk)
  await drain(outbox, 2000)
  const more = numbers(500, count)
  for (const n of more) await outbox.append([body(wide(n))])
  expect(outbox.stats()).toMatchObject({ dropped: 0, queued: count - 1500 })
  expect(segmentsIn(folder)).toHaveLength(1)
  expect(await drain(outbox)).toEqual(numbers(count - 1500, 2000).map(wide))
  expect(outbox.stats()).toMatchObject({ queued: 0, queuedBytes: 0, corrupt: 0 })
})

testOnSmallDisk(
  'lowering maxBytes on a full disk needs no room and loses no more than it says',
  '512k',
  async (disk) => {
    const folder = join(disk.path, 'outbox')
    const before = await open(folder, LARGE)
    const count = await fillUp((n) => before.append([body(wide(n))]))
    await before.close()
    takeTheRest(disk)
    const maxBytes = 256 << 10
    await using outbox = await open(folder, { maxBytes })
    await outbox.append([body(wide(count))])
    const { dropped, queued } = outbox.stats()
    expect(dropped + queued).toBe(count + 1)
    expect(queued * 120).toBeGreaterThan(maxBytes * 0.9)
    expect(bytesOfSegments(folder)).toBeLessThanOrEqual(maxBytes)
    expect(await drain(outbox)).toEqual(numbers(queued, dropped).map(wide))
  },
)

testOnSmallDisk(
  'a device whose outbox filled the disk goes on, and over restarts nothing is sent twice',
  '256k',
  async (disk) => {
    await using broker = await startScriptedBroker({})
    const device = () => {
      const client = createDeviceClient(
        { type: 'sensor' },
        { url: broker.url, deviceId: 'S-1', outbox: { folder: join(disk.path, 'outbox') } },
      )
      client.on('error', (error) => expect.fail(error.message))
      return client
    }
    let recorded = 0
    for (let life = 0; life < 3; life++) {
      await using client = device()
      if (life === 0) recorded = await fillUp((value) => client.record({ value }))
      await client.connect()
      await expect.poll(() => client.stats().queued, WAIT).toBe(0)
      await client.record({ value: recorded++ })
      await expect.poll(() => client.stats().queued, WAIT).toBe(0)
    }
    const values = broker
      .published()
      .flatMap(({ payload }) =>
        [JSON.parse(String(payload)) as { value: number } | { value: number }[]].flat(),
      )
      .map(({ value }) => value)
    expect(values).toEqual(numbers(recorded))
  },
)

testOnSmallDisk('a start on a disk without one free block delivers what is there', '256k', async (disk) => {
  const folder = join(disk.path, 'outbox')
  const before = await open(folder)
  await before.append(numbers(10).map(body))
  await before.close()
  takeTheRest(disk)
  const outbox = await open(folder)
  expect(await drain(outbox)).toEqual(numbers(10).map(String))
  await expect(open(folder)).rejects.toMatchObject({ code: 'outbox_locked', details: { pid: process.pid } })
  await outbox.close()
  rmSync(join(disk.path, 'filler-0'), { force: true })
  await using again = await open(folder)
  expect(again.stats().queued).toBe(0)
  expect(JSON.parse(readFileSync(join(folder, 'lock'), 'utf8'))).toMatchObject({ pid: process.pid })
})
