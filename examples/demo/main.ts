import { resolve } from 'node:path'
import { createDeviceHub } from '@devicehub/core'
import { createMqttListener } from '@devicehub/mqtt-listener'
import { createSignals } from '@devicehub/signals'
import { kyselyStorage, sqliteDialect } from '@devicehub/storage-kysely'
import { Kysely } from 'kysely'
import { startBroker } from './broker.js'
import { WeatherStation } from './device-types.js'
import { startFleet } from './fleet.js'
import { readOptions, USAGE } from './options.js'

const options = (() => {
  try {
    return readOptions(process.argv.slice(2))
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`)
    process.exit(2)
  }
})()
const file = resolve(process.env.INIT_CWD ?? '.', options.database)
const say = (line: string) => console.log(line)

const broker = await startBroker(options.port)
if (broker.port !== options.port)
  say(`Port ${options.port} is taken; the broker uses ${broker.port} instead (--port chooses another).`)
const url = `mqtt://127.0.0.1:${broker.port}`

const hub = createDeviceHub({
  types: [WeatherStation],
  storage: kyselyStorage({ db: new Kysely({ dialect: sqliteDialect({ file }) }), closeDb: true }),
  signals: createSignals(),
})
await hub.storage.migrate()

const deviceIds = Array.from(
  { length: options.devices },
  (_, index) => `STATION-${String(index + 1).padStart(3, '0')}`,
)
for (const deviceId of deviceIds) {
  if ((await hub.devices.get(WeatherStation, deviceId)) === null)
    await hub.devices.create(WeatherStation, { deviceId })
}

hub.signals.on('deviceStatusChanged', WeatherStation, ({ device, oldStatus, newStatus }) =>
  say(`${device.deviceId}  ${oldStatus} -> ${newStatus}`),
)
hub.signals.on('deviceDataReceived', WeatherStation, ({ device, readings, measuredAt, flags }) => {
  const { temperature, humidity, wind_direction: wind } = readings
  say(
    `${device.deviceId}  ${measuredAt.toISOString()}  ${temperature ?? '-'} °C  ${humidity ?? '-'} %  wind ${wind ?? '-'}${flags.length > 0 ? `  [${flags.join(', ')}]` : ''}`,
  )
})

// The embedded broker speaks MQTT 3.1.1, which has no shared subscriptions.
const listener = createMqttListener(hub, { url, protocolVersion: 4, clientId: 'devicehub-demo' })
await listener.start()

say(`
MQTT broker   ${url}  (embedded, this machine only)
Database      ${file}  (tables weatherstation_device, weatherstation_reading, weatherstation_message)
Publish to it mosquitto_pub -p ${broker.port} -q 1 -t things/weatherstation/STATION-001/data -m '{"temperature": 21.5}'
Look into it  sqlite3 ${file} "select device_id, temperature, humidity from weatherstation_reading order by id desc limit 5"
${options.duration === null ? 'Ctrl-C stops it.' : `It ends by itself after ${options.duration / 1000} s.`}
`)
const fleet = await startFleet(url, deviceIds)

/** Each station says goodbye; a moment is enough to hear it. */
async function allOffline(): Promise<void> {
  for (const end = Date.now() + 2_000; Date.now() < end; ) {
    if ((await hub.devices.list(WeatherStation, { status: 'online', limit: 1 })).items.length === 0) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

let stopping: Promise<void> | undefined
async function stop(): Promise<void> {
  await fleet.stop()
  await allOffline()
  await listener.stop()
  const { ingest } = hub.stats()
  await hub.close()
  await broker.close()
  say(
    `\n${ingest.samples} samples stored in ${file}; ${ingest.rejected + ingest.quarantined} messages refused.`,
  )
}
const stopOnce = () =>
  (stopping ??= stop().catch((error: Error) => {
    console.error(error)
    process.exitCode = 1
  }))
process.once('SIGINT', stopOnce)
process.once('SIGTERM', stopOnce)
if (options.duration !== null) setTimeout(stopOnce, options.duration)
