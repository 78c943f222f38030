import { defineDeviceType, reading } from '@devicehub/core'

/** What every candidate stores: one audit row and one reading row a message. */
export const Station = defineDeviceType('station', {
  readings: {
    temperature: reading.float({ unit: '°C', range: [-40, 80] }),
    humidity: reading.float({ unit: '%', range: [0, 100] }),
    pressure: reading.integer({ unit: 'Pa' }),
  },
})

export const DEVICES = 1_000

export const deviceId = (index: number) => `station-${String(index).padStart(4, '0')}`

/** An hour ago, in epoch milliseconds: each device measures once a second from there. Older times would be flagged. */
const FIRST = Math.floor(Date.now() / 1000 - 3600) * 1000

export interface Sample {
  readonly deviceId: string
  readonly topic: string
  readonly timestamp: number
  readonly temperature: number
  readonly humidity: number
  readonly pressure: number
}

/** The n-th message of the run: round robin over the devices, values that vary as a sensor's do. */
export function sample(n: number): Sample {
  const device = deviceId(n % DEVICES)
  return {
    deviceId: device,
    topic: `things/station/${device}/data`,
    timestamp: FIRST + Math.floor(n / DEVICES) * 1000,
    temperature: Math.round((20 + 10 * Math.sin(n / 500)) * 100) / 100,
    humidity: Math.round((50 + 20 * Math.cos(n / 700)) * 10) / 10,
    pressure: 101_325 + (n % 97),
  }
}

export const payload = ({ temperature, humidity, pressure, timestamp }: Sample): string =>
  JSON.stringify({ temperature, humidity, pressure, timestamp: new Date(timestamp).toISOString() })
