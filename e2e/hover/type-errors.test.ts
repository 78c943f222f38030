import { expect, test } from 'vitest'
import { openProgram } from './language-service.js'

test('subscribing to a hub without signals: TypeScript says what to pass', () => {
  const { errors } = openProgram(
    'without-signals.ts',
    `
import { createDeviceHub, defineDeviceType, reading } from '@devicehub/core'

const Station = defineDeviceType('station', { readings: { temperature: reading.float() } })
const hub = createDeviceHub({ types: [Station] })
hub.signals.on('deviceDataReceived', Station, ({ device }) => console.log(device.deviceId))
hub.signals.once('deviceConnected', ({ device }) => console.log(device.deviceId))
for await (const { device } of hub.signals.iterate('deviceConnected')) console.log(device)
await hub.signals.close()
`,
  )
  const advice = 'Pass createDeviceHub({ signals: createSignals() }), from @devicehub/signals'
  expect(errors()).toEqual([1, 2, 3, 4].map(() => expect.stringContaining(advice)))
})
