import { createDeviceHub, defineDeviceType, reading } from '@devicehub/core'
import { createMqttListener } from '@devicehub/mqtt-listener'
import { createSignals } from '@devicehub/signals'
import { kyselyStorage, sqliteDialect } from '@devicehub/storage-kysely'
import { Kysely } from 'kysely'

export const Thermometer = defineDeviceType('thermometer', {
  readings: { temperature: reading.float({ unit: '°C', range: [-40, 80] }) },
  unknownDevice: 'register', // whoever sends is a device: right for a trial, not for a broker that others reach
})

const { MQTT_URL = 'mqtt://localhost:1883', DATABASE = 'minimal.db' } = process.env
const db = new Kysely({ dialect: sqliteDialect({ file: DATABASE }) })
const storage = kyselyStorage({ db, closeDb: true })
export const hub = createDeviceHub({ types: [Thermometer], storage, signals: createSignals() })
await hub.storage.migrate()

hub.signals.on('deviceDataReceived', Thermometer, ({ device, readings }) =>
  console.log(`${device.deviceId}: ${readings.temperature} °C`),
)

await createMqttListener(hub, { url: MQTT_URL, clientId: 'minimal' }).start()
console.log(`Listening to ${MQTT_URL}; Ctrl-C stops`)
process.once('SIGINT', () => hub.close())
