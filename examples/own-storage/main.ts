import { createDeviceHub, defineDeviceType, reading } from '@devicehub/core'
import { fileStorage } from './file-storage.js'

const Meter = defineDeviceType('meter', {
  readings: { kwh: reading.float({ unit: 'kWh' }) },
  unknownDevice: 'register', // whoever sends is a device: right for a trial
})

const { FILE = 'readings.jsonl' } = process.env
await using hub = createDeviceHub({ types: [Meter], storage: fileStorage(FILE) })
await hub.ingest([
  {
    topic: 'things/meter/CELLAR/data',
    payload: Buffer.from(JSON.stringify({ kwh: Math.round(Date.now() / 1000) % 10_000 })),
    source: 'main',
  },
])
const { items } = await hub.readings.list(Meter, { limit: 5 })
for (const { deviceId, measuredAt, readings } of items)
  console.log(deviceId, measuredAt.toISOString(), readings.kwh)
console.log(`Each start adds one to ${FILE}`)
