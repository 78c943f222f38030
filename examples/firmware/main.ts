import { setTimeout as sleep } from 'node:timers/promises'
import { createDeviceClient } from '@devicehub/client'
import { readBattery, readSensor } from './sensor.js'
import { WeatherStation } from './weather-station.js'

const FIRMWARE_VERSION = '1.0.0'
const {
  DEVICEHUB_URL = 'mqtt://localhost:1883',
  DEVICE_ID = 'STATION-001',
  DEVICE_USERNAME = `${WeatherStation.key}-${DEVICE_ID}`, // what provisioning issues
  DEVICE_PASSWORD,
  DATA_FOLDER = './data',
  MQTT_VERSION = '5',
} = process.env

const device = createDeviceClient(WeatherStation, {
  url: DEVICEHUB_URL,
  deviceId: DEVICE_ID,
  credentials: DEVICE_PASSWORD ? { username: DEVICE_USERNAME, password: DEVICE_PASSWORD } : undefined,
  protocolVersion: MQTT_VERSION === '4' ? 4 : 5, // 4 is MQTT 3.1.1
  outbox: { folder: DATA_FOLDER }, // samples and commands survive the process and a power cut
})
const complain = (error: Error) => console.error(error.message)
device.on('error', complain)
device.on('state', (state) => console.log(state))

// What the hub sets. It is not kept here: the broker sends the desired state again at each start.
let mode: 'continuous' | 'burst' = 'continuous'
let interval = 60
let settingsChanged = new AbortController()

function apply(settings: { recording_mode?: typeof mode | undefined; interval?: number | undefined }): void {
  mode = settings.recording_mode ?? mode
  interval = settings.interval ?? interval
  settingsChanged.abort()
  settingsChanged = new AbortController()
}

device.twin.onDesired((desired) => {
  apply(desired)
  return { recording_mode: mode, interval } // what the device is set to now
})

device.onCommand('set_interval', (settings) => {
  const previous = interval
  apply(settings)
  device.twin.report({ interval }).catch(complain) // not awaited: it may have to wait for a connection
  return { interval, previous }
})

device.onCommand('measure_now', async () => {
  const readings = readSensor()
  await device.record(readings)
  return readings
})

// The answer goes out before the program ends; whoever supervises it, such as systemd, starts it again.
device.onCommand('reboot', () => void setImmediate(stop, 'reboot'))

const stopping = new AbortController()
const stop = (reason: string) => {
  console.log(`stopping: ${reason}`)
  stopping.abort()
}
process.once('SIGTERM', stop)
process.once('SIGINT', stop)

async function measure(): Promise<void> {
  let reportedBattery: number | null = null
  while (!stopping.signal.aborted) {
    // Resolves when the sample is on disk, connected or not. A full disk is no reason to stop measuring.
    await device.record(readSensor()).catch(complain)
    const batteryLevel = readBattery()
    if (device.state === 'connected' && batteryLevel !== reportedBattery) {
      reportedBattery = batteryLevel
      void device.reportStatus({ batteryLevel, firmwareVersion: FIRMWARE_VERSION }).catch(complain)
    }
    const pause = mode === 'burst' ? interval / 10 : interval
    const wake = AbortSignal.any([stopping.signal, settingsChanged.signal])
    await sleep(pause * 1000, undefined, { signal: wake }).catch(() => {})
  }
}

// It measures from the start, and connects as soon as it can. A refusal, of the password say, does not pass by itself.
device.connect({ signal: stopping.signal }).catch((error: Error) => {
  if (!stopping.signal.aborted) process.exitCode = 1
  stop(error.message)
})
await measure()
await device.close()
