import { mkdtempSync, rmSync, statSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDeviceHub, defineDeviceType, reading } from '@devicehub/core'
import { telemetryContract } from '@devicehub/test-kit'
import { expect, test } from 'vitest'
import { fileStorage } from './file-storage.js'

const newFolder = () => mkdtempSync(join(tmpdir(), 'own-storage-'))

telemetryContract('a file', async () => {
  const folder = newFolder()
  return {
    adapter: fileStorage(join(folder, 'rows.jsonl')),
    cleanup: async () => rmSync(folder, { recursive: true }),
  }
})

const Meter = defineDeviceType('meter', { readings: { kwh: reading.float(), frame: reading.binary() } })

test('what was acknowledged is there after a crash, and a half-written line is not', async () => {
  const folder = newFolder()
  const file = join(folder, 'rows.jsonl')
  const openHub = () => createDeviceHub({ types: [Meter], storage: fileStorage(file) })
  const sample = (id: string) => ({
    topic: 'things/meter/M-1/data',
    payload: Buffer.from(JSON.stringify({ kwh: 1.5, frame: 'AAH/', id })),
    source: 'test',
  })
  {
    await using hub = openHub()
    await hub.devices.create(Meter, { deviceId: 'M-1' })
    await hub.ingest([sample('a')])
    await hub.ingest([sample('b')])
  }
  truncateSync(file, statSync(file).size - 1)

  await using hub = openHub()
  const outcomes = await hub.ingest([sample('a'), sample('b')])
  expect(outcomes.map(({ status }) => status)).toEqual(['duplicate', 'stored'])
  const { items } = await hub.readings.list(Meter, { order: 'asc' })
  expect(items.map(({ id, sampleId }) => [id, sampleId])).toEqual([
    ['1', 'a'],
    ['2', 'b'],
  ])
  expect(items[0]?.readings).toEqual({ kwh: 1.5, frame: Uint8Array.from([0, 1, 255]) })
  rmSync(folder, { recursive: true })
})
