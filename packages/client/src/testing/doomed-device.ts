import { createDeviceClient } from '../create-device-client.js'

// Run as a process of its own, so that it can be killed.
const [url = '', protocolVersion = '5'] = process.argv.slice(2)
const client = createDeviceClient(
  { type: 'sensor' },
  { url, deviceId: 'DOOMED', protocolVersion: protocolVersion === '4' ? 4 : 5 },
)
await client.connect()
await client.record({ value: 1 })
console.log('ready')
