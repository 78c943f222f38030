import { appendFileSync } from 'node:fs'
import { createDeviceClient } from '@devicehub/client'
import { Worker } from './worker.js'

// A process of its own, so that it can die: its handler writes a line, and with `die` that is the last it does.
const [url = '', folder = '', executed = '', version = '5', die = ''] = process.argv.slice(2)
const device = createDeviceClient(Worker, {
  url,
  deviceId: 'W-1',
  protocolVersion: version === '4' ? 4 : 5,
  outbox: { folder },
  reconnect: { min: '50ms', max: '500ms' },
})
device.on('error', (error) => console.error(error.message))
device.onCommand('work', (_payload, { id }) => {
  appendFileSync(executed, `${id}\n`)
  if (die === 'die') process.kill(process.pid, 'SIGKILL')
  return 'done'
})
await device.connect()
console.log('ready')
