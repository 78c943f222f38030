/** The device side, in a process of its own: bare mqtt.js, or as many device clients as the hub has devices. */
import { createDeviceClient } from '@devicehub/client'
import { connectBare } from './connect-bare.js'
import { BARE, DEVICES, deviceId, Gate } from './workload.js'

const [kind, url] = process.argv.slice(2) as ['bare' | 'client', string]

if (kind === 'bare') {
  const client = await connectBare(url)
  client.on('message', (_topic, payload, { properties }) => {
    client.publish(properties?.responseTopic ?? '', payload, {
      qos: 1,
      properties: { correlationData: properties?.correlationData as Buffer },
    })
  })
  await client.subscribeAsync(BARE.request, { qos: 1 })
} else {
  for (let n = 0; n < DEVICES; n++) {
    const device = createDeviceClient(Gate, { url, deviceId: deviceId(n) })
    device.onCommand('open', ({ degrees }) => ({ degrees }))
    await device.connect()
  }
}
// Whoever started it is gone.
process.on('disconnect', () => process.exit())
process.send?.('ready')
