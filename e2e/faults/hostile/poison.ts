import { Gauge } from './types.js'

const good = (deviceId: string) => ({
  topic: `things/${Gauge.key}/${deviceId}/data`,
  payload: new TextEncoder().encode('{"level":1}'),
  source: 'code',
  qos: 1 as const,
})

/** What code that is not typed can hand over: each of these is stored, without what no database takes. */
export const poisonEnvelopes = (deviceId: string): readonly unknown[] =>
  [
    { source: 'x'.repeat(1_000) },
    { source: 'a\0b' },
    { source: undefined },
    { qos: 1.5 },
    { receivedAt: Number.NaN },
    { receivedAt: 1e18 },
    { receivedAt: -1 },
    { contentType: '\0' },
    { correlationId: '\ud800' },
    { userProperties: { big: 'x'.repeat(1 << 20) } },
    { userProperties: { no: 17n } },
    { redelivered: 'yes' },
  ].map((more) => ({ ...good(deviceId), ...more }))

export const POISON_COUNT = poisonEnvelopes('x').length
