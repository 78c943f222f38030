import {
  createDeviceHub,
  type DeviceHub,
  type InboundMessage,
  type IngestOutcome,
  silentLogger,
} from '@devicehub/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Sensor } from '../fixtures.js'
import { errorOf, type StorageContract, type StorageUnderTest } from '../harness.js'

const good = (deviceId: string, temperature: number) => ({
  topic: `things/${Sensor.key}/${deviceId}/data`,
  payload: new TextEncoder().encode(JSON.stringify({ temperature })),
  source: 'mqtt:default',
  qos: 1 as const,
})

/** From code that is not typed, or from a sender of MQTT 5: what each leaves of the message, by its flags. */
const HOSTILE: readonly [string, object, string | null][] = [
  ['a source of 10,000 characters', { source: 'x'.repeat(10_000) }, 'bad_envelope:source'],
  ['a source with NUL', { source: 'mqtt:\0default' }, 'bad_envelope:source'],
  ['half a surrogate pair as its source', { source: 'a\ud800' }, 'bad_envelope:source'],
  ['no source', { source: undefined }, 'bad_envelope:source'],
  ['a source that is no text', { source: 17 }, 'bad_envelope:source'],
  ['a QoS of 1.5', { qos: 1.5 }, 'bad_envelope:qos'],
  ['a QoS in a text', { qos: '1' }, 'bad_envelope:qos'],
  ['a received time that is NaN', { receivedAt: Number.NaN }, 'bad_envelope:received_at'],
  ['one of 1e18', { receivedAt: 1e18 }, 'bad_envelope:received_at'],
  ['one before 1970', { receivedAt: -1 }, 'bad_envelope:received_at'],
  ['one with a fraction', { receivedAt: 1.5 }, 'bad_envelope:received_at'],
  ['one in a text', { receivedAt: '2026' }, 'bad_envelope:received_at'],
  ['a Date', { receivedAt: new Date(1_700_000_000_000) }, null],
  [
    'flags that are none',
    { redelivered: 'yes', retained: 1 },
    'bad_envelope:redelivered bad_envelope:retained',
  ],
  ['NUL in the content type', { contentType: 'a\0' }, 'bad_envelope:content_type'],
  ['a content type of 60 kB', { contentType: 'x'.repeat(60_000) }, 'bad_envelope:content_type'],
  ['NUL in the correlation data', { correlationId: '\0' }, 'bad_envelope:correlation_id'],
  ['correlation data of 60 kB', { correlationId: 'x'.repeat(60_000) }, 'bad_envelope:correlation_id'],
  ['properties with NUL and broken surrogates', { userProperties: { 'a\0': ['\ud800', '\0'] } }, null],
  [
    '10,000 properties',
    { userProperties: Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [i, 'x'])) },
    'bad_envelope:user_properties',
  ],
  ['a property of 1 MB', { userProperties: { a: 'x'.repeat(1 << 20) } }, 'bad_envelope:user_properties'],
  ['properties that are no texts', { userProperties: { a: 17n } }, 'bad_envelope:user_properties'],
  ['a payload in a text', { payload: '{"temperature":1}' }, null],
  ['a payload in a buffer', { payload: new TextEncoder().encode('{"temperature":1}').buffer }, null],
]

/** What is kept of these is the row alone: nobody knows whose they are, or what they say. */
const UNREADABLE: readonly [string, object, string][] = [
  ['no payload', { payload: undefined }, 'empty_payload'],
  ['a payload that is an object', { payload: { temperature: 1 } }, 'empty_payload'],
  ['a topic that is no text', { topic: 17 }, 'unknown_topic'],
  ['no topic', { topic: undefined }, 'invalid_topic'],
  ['a topic with NUL', { topic: `things/${Sensor.key}/a\0/data` }, 'invalid_device_id'],
  ['half a surrogate pair in its topic', { topic: `things/${Sensor.key}/\ud800/data` }, 'invalid_device_id'],
  ['a topic of 100 kB', { topic: `things/${Sensor.key}/${'x'.repeat(100_000)}/data` }, 'unknown_topic'],
]

const NONE: readonly [string, unknown][] = [
  ['null', null],
  ['undefined', undefined],
  ['a number', 17],
  ['a list', []],
  ['an empty object', {}],
  [
    'a getter that throws',
    Object.defineProperty({}, 'topic', {
      get: () => {
        throw new Error('x')
      },
    }),
  ],
  ['a fence that is none', { ...good('d', 1), fence: { name: 'a' } }],
]

/** Invariant 3 at the door of a hub: whatever a message brings beside its payload, the database refuses no row for it. */
export function envelopeContract({ make }: StorageContract): void {
  describe('envelopes', () => {
    // One database and one hub for all of them: making either is most of the work.
    let made: StorageUnderTest
    let hub: DeviceHub
    beforeAll(async () => {
      made = await make([Sensor])
      hub = createDeviceHub({
        types: [Sensor],
        storage: made.adapter,
        logger: silentLogger,
        unknownDevice: 'register',
      })
      await hub.storage.migrate()
    })
    afterAll(async () => {
      await hub.close()
      await made.cleanup()
    })

    const push = (message: unknown) =>
      new Promise<IngestOutcome>((settle) => hub.ingest.push(message as InboundMessage, settle))
    async function rowsOf(code: string): Promise<number> {
      const ofType = await hub.messages.list(Sensor, { limit: 1_000 })
      const ofNone = await hub.messages.list(null, { limit: 1_000 })
      return [...ofType.items, ...ofNone.items].filter((row) => row.code === code).length
    }

    test('a hostile one is stored without what cannot be, in one commit with those around it', async () => {
      const deviceId = 'hostile'
      const outcomes: Promise<IngestOutcome>[] = []
      for (const [, more] of HOSTILE)
        outcomes.push(push({ ...good(deviceId, 1), ...more }), push(good(deviceId, 2)))
      expect((await Promise.all(outcomes)).map(({ status }) => status)).toEqual(outcomes.map(() => 'stored'))
      const { items } = await hub.messages.list(Sensor, { deviceId, limit: 1_000 })
      const flags = items.map((row) => row.flags).reverse()
      const wanted = HOSTILE.flatMap(([, , flag]) => [flag, null])
      expect(flags).toEqual(wanted)
      expect((await hub.readings.list(Sensor, { deviceId, limit: 1_000 })).items).toHaveLength(wanted.length)
      const { retries } = hub.stats().ingest
      expect(retries).toBe(0)
    })

    test.each(UNREADABLE)(
      '%s leaves a row, and the messages behind it are stored',
      async (_what, more, code) => {
        const before = await rowsOf(code)
        const [bad, behind] = await Promise.all([push({ ...good('a', 1), ...more }), push(good('a', 2))])
        expect(bad).toMatchObject({ status: expect.stringMatching(/^(rejected|quarantined)$/), code })
        expect(behind).toMatchObject({ status: 'stored' })
        expect(await rowsOf(code)).toBe(before + 1)
      },
    )

    test.each(NONE)(
      '%s is no message: its caller is told, and nothing else is held up',
      async (_what, message) => {
        const { received } = hub.stats().ingest
        const [bad, behind] = await Promise.all([push(message), push(good('a', 2))])
        expect(bad).toMatchObject({ status: 'failed', error: { code: 'invalid_options' } })
        expect(behind).toMatchObject({ status: 'stored' })
        await expect(hub.ingest([good('a', 3), message as InboundMessage])).rejects.toEqual(
          errorOf('invalid_options'),
        )
        expect(hub.stats().ingest.received).toBe(received + 1)
      },
    )
  })
}
