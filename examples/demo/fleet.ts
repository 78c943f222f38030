import { createDeviceClient, type DeviceClient } from '@devicehub/client'
import { WeatherStation } from './device-types.js'

export interface Fleet {
  stop(): Promise<void>
}

/** A few stations that measure about once a second each, and report their status now and then. */
export async function startFleet(url: string, deviceIds: readonly string[]): Promise<Fleet> {
  const stations = await Promise.all(deviceIds.map((deviceId) => startStation(url, deviceId)))
  return { stop: async () => void (await Promise.all(stations.map((stop) => stop()))) }
}

const DIRECTIONS = ['N', 'NE', 'E', 'SE', 'S', 'SW', 'W', 'NW'] as const

async function startStation(url: string, deviceId: string): Promise<() => Promise<void>> {
  const client: DeviceClient<typeof WeatherStation> = createDeviceClient(WeatherStation, {
    url,
    deviceId,
    protocolVersion: 4,
  })
  await client.connect()
  let temperature = 15 + Math.random() * 10
  let battery = 100
  let cycle = 0
  const measure = async () => {
    temperature += (Math.random() - 0.5) / 2
    await client.record({
      temperature,
      humidity: 40 + Math.random() * 20,
      wind_direction: DIRECTIONS[cycle++ % DIRECTIONS.length],
    })
    battery -= 0.01
    if (cycle % 5 === 0) await client.reportStatus({ status: 'online', batteryLevel: battery })
  }
  const timer = setInterval(
    () => measure().catch((error: Error) => console.error(`${deviceId}: ${error.message}`)),
    800 + Math.random() * 400,
  )
  return () => {
    clearInterval(timer)
    return client.close()
  }
}
