import { defineDeviceType, type InboundMessage, reading } from '@devicehub/core'
import { DEVICES, deviceId, sample } from '../ingest/workload.js'

const readings = {
  temperature: reading.float({ unit: '°C' }),
  humidity: reading.float({ unit: '%' }),
  pressure: reading.integer({ unit: 'Pa' }),
}

/** The same type with and without last values. */
export const KINDS = {
  kept: defineDeviceType('kept', { readings }),
  unkept: defineDeviceType('unkept', { readings, lastValues: false }),
}
export type Kind = keyof typeof KINDS

/** Messages that are ingested at once. */
export const ROUND = 5_000
/** From this share of the run on nobody sends the pressure any more. */
export const STALE_FROM = 0.1

export function message({ key }: { readonly key: string }, n: number, isStale: boolean): InboundMessage {
  const { temperature, humidity, pressure, timestamp } = sample(n)
  const values = { temperature, humidity, ...(isStale ? {} : { pressure }), timestamp }
  return {
    topic: `things/${key}/${deviceId(n % DEVICES)}/data`,
    payload: Buffer.from(JSON.stringify(values)),
    source: 'bench',
  }
}
