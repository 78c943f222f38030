import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { createDeviceClient } from '../create-device-client.js'

// Run as a process of its own, so that it can be killed while it executes commands.
const [url = '', folder = '', ledger = '', protocolVersion = '5'] = process.argv.slice(2)
const client = createDeviceClient(
  { type: 'worker' },
  {
    url,
    deviceId: 'W-1',
    protocolVersion: protocolVersion === '4' ? 4 : 5,
    outbox: { folder },
    reconnect: { min: '10ms', max: '100ms' },
  },
)
client.on('error', (error) => console.error(error.message))
client.onCommand('work', async (_payload, { id }) => {
  appendFileSync(ledger, `begin ${id}\n`)
  await sleep(Math.random() * 40)
  appendFileSync(ledger, `end ${id}\n`)
  return { by: process.pid }
})
await client.connect()
console.log('ready')
