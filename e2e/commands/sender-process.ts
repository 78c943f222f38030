import { createDeviceHub, silentLogger } from '@devicehub/core'
import { createMqttListener } from '@devicehub/mqtt-listener'
import { DEVICE, postgresStorage, SLOTS, WeatherStation } from './stage.js'

// A process of its own, so that it can be killed: it sends one command and waits for the answer.
const { databaseUrl, url, timeout } = JSON.parse(process.argv[2] ?? '{}') as {
  databaseUrl: string
  url: string
  timeout: number
}
const hub = createDeviceHub({
  types: [WeatherStation],
  storage: postgresStorage(databaseUrl),
  logger: silentLogger,
})
const listener = createMqttListener(hub, { url, ...SLOTS })
await listener.start()
const sent = await hub.commands.send(WeatherStation, DEVICE, 'set_interval', { interval: 7 }, { timeout })
console.log(`sent ${sent.id}`)
await sent.result().catch(() => {})
