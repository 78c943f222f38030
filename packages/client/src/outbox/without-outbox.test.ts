import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { command, defineDeviceType, reading } from '@devicehub/core/definition'
import { expect, test } from 'vitest'
import { startCommandWorld } from '../testing/command-world.js'
import { mount, testOnSmallDisk } from '../testing/small-disk.js'
import { temporaryFolder } from '../testing/temporary-folder.js'

const WAIT = { timeout: 60_000, interval: 5 }

const Worker = defineDeviceType('worker', {
  readings: { value: reading.integer() },
  commands: { work: command() },
})

const startWorld = (folder: string) => startCommandWorld(Worker, { outbox: { folder } })

test('a folder that cannot be created: the device connects, executes commands and reports it; record() rejects until it can', async () => {
  using folder = temporaryFolder()
  const obstacle = join(folder.path, 'file')
  writeFileSync(obstacle, '')
  await using it = await startWorld(join(obstacle, 'outbox'))
  let executed = 0
  it.client.onCommand('work', () => ++executed)
  await it.client.connect()
  expect(it.client.state).toBe('connected')
  expect(it.errors[0]).toMatchObject({ code: 'outbox_failed', details: { errno: 'ENOTDIR' } })
  expect(it.errors[0]?.message).toMatch(/works without its outbox, and record\(\) rejects until .* ENOTDIR/)
  await it.client.reportStatus({ batteryLevel: 50 })
  it.send({ command: 'work', id: 'a' })
  await expect.poll(() => it.replies().map(({ status }) => status), WAIT).toEqual(['succeeded'])
  await it.delivered()
  it.send({ command: 'work', id: 'a' })
  await expect.poll(() => it.replies().length, WAIT).toBe(2)
  expect(executed).toBe(1)
  for (const attempt of [
    () => it.client.record({ value: 1 }),
    () => it.client.recordBatch([{ readings: { value: 1 } }]),
  ])
    await expect(attempt()).rejects.toMatchObject({ code: 'outbox_failed', details: { errno: 'ENOTDIR' } })

  rmSync(obstacle)
  await it.client.record({ value: 2 })
  await expect.poll(() => it.client.stats(), WAIT).toMatchObject({ queued: 0, delivered: 1 })
  expect(it.payloadsOn('data')).toEqual([expect.objectContaining({ value: 2 })])
})

test('a journal of commands that cannot be read stops neither samples nor commands', async () => {
  using folder = temporaryFolder()
  mkdirSync(join(folder.path, 'commands.journal'))
  await using it = await startWorld(folder.path)
  it.client.onCommand('work', () => {})
  await it.client.connect()
  expect(it.errors.map(({ code }) => code)).toEqual(['outbox_failed'])
  await it.client.record({ value: 1 })
  it.send({ command: 'work', id: 'a' })
  await expect.poll(() => it.replies().at(-1)?.status, WAIT).toBe('succeeded')
  await expect.poll(() => it.client.stats().delivered, WAIT).toBe(1)
})

testOnSmallDisk(
  'a disk that is read-only at start: what its journal says counts, and what waits is sent once it is mended',
  '1m',
  async (disk) => {
    const folder = join(disk.path, 'outbox')
    await using it = await startWorld(folder)
    it.client.onCommand('work', () => 'the first')
    await it.client.connect()
    it.send({ command: 'work', id: 'a' })
    await expect.poll(() => it.replies().at(-1)?.status, WAIT).toBe('succeeded')
    await it.client.close()
    const before = it.createClient()
    await before.record({ value: 1 })
    await before.close()
    mount('-o', 'remount,ro', disk.path)

    const client = it.createClient()
    let executed = 0
    client.onCommand('work', () => ++executed)
    await client.connect()
    expect(it.errors.at(-1)).toMatchObject({ code: 'outbox_failed', details: { errno: 'EROFS' } })
    await expect(client.record({ value: 2 })).rejects.toMatchObject({ details: { errno: 'EROFS' } })
    const replies = it.replies().length
    it.send({ command: 'work', id: 'a' })
    it.send({ command: 'work', id: 'b' })
    await expect.poll(() => it.replies().length, WAIT).toBe(replies + 2)
    expect(executed).toBe(1)
    expect(it.replies().find(({ result }) => result !== undefined)).toMatchObject({
      id: 'a',
      result: 'the first',
    })

    mount('-o', 'remount,rw', disk.path)
    it.broker.cut()
    await expect.poll(() => client.stats(), WAIT).toMatchObject({ queued: 0, delivered: 1 })
    expect(it.payloadsOn('data')).toEqual([expect.objectContaining({ value: 1 })])
    await client.close()
  },
)
