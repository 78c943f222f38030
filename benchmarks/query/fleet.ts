import { defineDeviceType, reading, state } from '@devicehub/core'

export const Station = defineDeviceType('station', {
  readings: {
    temperature: reading.float({ unit: '°C' }),
    humidity: reading.float({ unit: '%' }),
    pressure: reading.integer({ unit: 'Pa' }),
  },
  state: { mode: state.enum(['eco', 'full'], { default: 'eco' }) },
})

/** How many rows there are. */
export interface Sizes {
  readonly readings: number
  readonly messages: number
  readonly devices: number
}

/** Devices that have readings: the first ones. Three of ten readings are of the first device. */
export const MEASURING = 1_000
export const SITES = 200

export const deviceId = (index: number): string => `station-${String(index).padStart(6, '0')}`
/** The device with most readings. */
export const BUSIEST = deviceId(0)

const DAY = 86_400_000
/** The readings are of the year before, milliseconds. */
export const TO = Math.floor(Date.now() / DAY) * DAY
export const FROM = TO - 365 * DAY
