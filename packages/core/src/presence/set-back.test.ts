import { expect, test } from 'vitest'
import { defineDeviceType, memoryStorage, silentLogger } from '../index.js'
import { noMetrics } from '../ports/metrics.js'
import { createSetBack } from './set-back.js'

const Station = defineDeviceType('station', { readings: {} })
const NOW = Date.UTC(2026, 0, 5)

test('times that are ahead are told once, until a sweep finds none, and by how much clocks may differ', async () => {
  const storage = memoryStorage().open({ types: [Station] })
  const asked: unknown[] = []
  const found = [2, 1, 0, 3]
  const warned: unknown[] = []
  const setBack = createSetBack({
    types: [Station],
    storage: {
      ...storage,
      devices: {
        ...storage.devices,
        setBack: async (_, request) => {
          asked.push(request)
          return found.shift() ?? 0
        },
      },
    },
    clock: { now: () => NOW },
    logger: { ...silentLogger, warn: (fields: object) => void warned.push(fields) },
    metrics: noMetrics,
    topicPrefix: 'things',
    announce: () => {},
    onClose: () => () => {},
  })
  const counts = []
  for (const limit of [60_000, 60_000, 60_000, 750]) counts.push(await setBack(NOW, () => limit))
  expect(counts).toEqual([2, 1, 0, 3])
  expect(warned).toEqual([{ devices: 2 }, { devices: 3 }])
  expect(asked).toEqual([5_000, 5_000, 5_000, 750].map((ahead) => ({ after: NOW + ahead, now: NOW })))
  await storage.close()
})
