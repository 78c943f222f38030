import {
  createDeviceHub,
  defineDeviceType,
  memoryStorage,
  reading,
  type StorageAdapter,
} from '@devicehub/core'
import { describe, expect, test } from 'vitest'
import { kyselyStorage } from '../kysely-storage.js'
import { describeDatabases } from '../testing/describe-databases.js'

const Vibration = defineDeviceType('vibration', {
  readings: { g: reading.float() },
  unknownDevice: 'register',
  earliestTime: new Date('2020-01-01'),
})

/** One tenth of a second at 10 kHz, of a square wave: ten equal samples in each millisecond. */
const START = Date.parse('2026-05-01T10:00:00Z') * 1000
const SAMPLES = Array.from({ length: 1_000 }, (_, index) => ({
  g: index % 50 < 25 ? 0.5 : -0.5,
  timestamp: START + index * 100,
}))

async function expectEachOnce(storage: StorageAdapter) {
  const hub = createDeviceHub({ types: [Vibration], storage })
  await hub.storage.migrate()
  const send = (deviceId: string, payload: unknown) => ({
    topic: `things/vibration/${deviceId}/data`,
    payload: Buffer.from(JSON.stringify(payload)),
    source: 'test',
  })
  const count = async (deviceId: string) =>
    (await hub.readings.aggregate(Vibration, { deviceId, field: 'g', fn: 'count' }))[0]?.result
  expect(await hub.ingest([send('burst', SAMPLES)])).toEqual([
    { status: 'stored', samples: 1_000, duplicates: 0 },
  ])
  expect(await count('burst')).toBe(1_000)
  expect(await hub.ingest([send('burst', SAMPLES)])).toEqual([{ status: 'duplicate' }])
  expect(await count('burst')).toBe(1_000)

  const single = SAMPLES.slice(0, 40).map((sample) => send('single', sample))
  expect((await hub.ingest(single)).every(({ status }) => status === 'stored')).toBe(true)
  expect((await hub.ingest([...single].reverse())).every(({ status }) => status === 'duplicate')).toBe(true)
  // The same times in nanoseconds, as text.
  const again = SAMPLES.slice(0, 40).map(({ g, timestamp }) =>
    send('single', { g, timestamp: `${timestamp}000` }),
  )
  expect((await hub.ingest(again)).every(({ status }) => status === 'duplicate')).toBe(true)
  expect(await count('single')).toBe(40)
  await hub.close()
}

describe('samples within one millisecond are told apart by the time as it was sent', () => {
  test('in memory', () => expectEachOnce(memoryStorage()))
})

describeDatabases('samples within one millisecond are told apart by the time as it was sent', (open) => {
  test('each is stored once', async () => {
    const { connect, cleanup } = await open()
    await expectEachOnce(kyselyStorage({ db: connect(), closeDb: true }))
    await cleanup()
  }, 60_000)
})
