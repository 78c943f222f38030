import { defineDeviceType, reading } from '@devicehub/core'

/**
 * `sequence` numbers the messages of a run. It is an ordinary reading that no index looks at, so counting it tells
 * what was stored twice even if the hub's own way of recognising duplicates were broken.
 */
export const Probe = defineDeviceType('probe', {
  readings: { sequence: reading.integer({ nullable: false }), value: reading.float() },
})

export const DEVICES = 200

export const deviceId = (index: number) => `probe-${String(index).padStart(3, '0')}`

/** What the consumers' handler fails for, each time: 1 in 1,000. */
export const isPoison = (sequence: number) => sequence % 1000 === 500

const FIRST = Date.now() - 3_600_000

export interface Publication {
  readonly key: string
  readonly topic: string
  readonly payload: string
}

/** Every other message carries an id; the others are known by device, time and content. */
export function* publications(count: number, from = 0): Generator<Publication> {
  for (let n = from; n < from + count; n++) {
    const body = { sequence: n, value: n / 7, timestamp: FIRST + n }
    yield {
      key: String(n),
      topic: `things/probe/${deviceId(n % DEVICES)}/data`,
      payload: JSON.stringify(n % 2 === 0 ? { ...body, id: `run-${n}` } : body),
    }
  }
}
