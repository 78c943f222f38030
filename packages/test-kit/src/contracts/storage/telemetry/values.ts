import { conditionOf } from '@devicehub/core/storage'
import type { StoredValue } from '@devicehub/core/transport'
import { describe, expect, test } from 'vitest'
import {
  ALL_BYTES,
  batch,
  device,
  deviceOf,
  entry,
  newDevice,
  newId,
  readingOf,
  Sensor,
  sample,
  samplesOf,
  store,
  T0,
} from '../fixtures.js'
import { type StorageContract, sharedStorage } from '../harness.js'

const STRINGS = [
  '',
  ' leading and trailing ',
  `it's "quoted" and \\back\\slashed\\`,
  'line\nbreak\ttab\r\n',
  'ÄÖÜ ñ 漢字 العربية',
  '🌡️ 👩‍👩‍👧 𝒳',
  "'; DROP TABLE x; --",
  '%_$1 ? :name @x {}',
  'null',
  '0',
  '🌡'.repeat(120),
  'x'.repeat(255),
]

const JSON_TEXTS = [
  '{}',
  '[]',
  'null',
  'true',
  '12.5',
  '"text"',
  String.raw`{"nul":"a\u0000b","lone":"\ud800","quote":"\"","slash":"\\"}`,
  '{"emoji":"🌡️","漢":["字"]}',
  `${'['.repeat(60)}1${']'.repeat(60)}`,
  JSON.stringify({ list: Array.from({ length: 2000 }, (_, index) => ({ index, text: `item ${index}` })) }),
]

const VALUES: Readonly<Record<string, readonly StoredValue[]>> = {
  temperature: [0, 0.1, -273.15, 1e-9, 1 / 3, 123456789.12345678, 1e21, -1e300, Number.MAX_VALUE, 2 ** -1022],
  pulses: [0, 1, -1, 2 ** 31, -(2 ** 31) - 1, 2 ** 32, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
  open: [true, false],
  label: STRINGS,
  mode: ['auto', 'manual', 'Ünknown'],
  calibrated_at: [T0, T0 + 1, 0, -1, Date.UTC(1900, 0), Date.UTC(9999, 11, 31, 23, 59, 59, 999)],
  config: JSON_TEXTS,
  frame: [new Uint8Array(), ALL_BYTES, new Uint8Array(100_000).fill(0), Uint8Array.of(0, 0x27, 0x5c, 0xff)],
  position: ['{"lat":-89.999999,"lon":180}', '{"lat":52.520008,"lon":13.404954,"alt":-12.5}'],
}

/** JSON may come back with other white space and order of keys. */
const comparable = (kind: string | undefined, value: StoredValue): unknown =>
  value !== null && (kind === 'json' || kind === 'geo')
    ? JSON.parse(String(value))
    : value instanceof Uint8Array
      ? Buffer.from(value).toString('hex')
      : value

export function valueContract(contract: StorageContract): void {
  describe('values', () => {
    const shared = sharedStorage(contract)

    test.each(Object.entries(VALUES))('%s comes back as it went in', async (name, values) => {
      const { storage } = shared
      const kind = Sensor.readings[name]?.kind
      const deviceId = await newDevice(storage, Sensor)
      const samples = values.map((value, index) => sample(Sensor, deviceId, T0 + index, { [name]: value }))
      await store(storage, Sensor, deviceId, samples)
      const stored = await samplesOf(storage, Sensor, deviceId)
      expect(stored).toHaveLength(values.length)
      for (const [index, value] of values.entries()) {
        const back = stored[index] ? readingOf(Sensor, stored[index], name) : null
        expect(typeof back).toBe(typeof value)
        expect(comparable(kind, back)).toEqual(comparable(kind, value))
      }
      const [latest] = await storage.readings.latestSamples(Sensor, [deviceId])
      expect(comparable(kind, latest ? readingOf(Sensor, latest, name) : null)).toEqual(
        comparable(kind, values.at(-1) ?? null),
      )
    })

    test('negative zero is zero', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      await store(storage, Sensor, deviceId, [sample(Sensor, deviceId, T0, { temperature: -0 })])
      const [stored] = await samplesOf(storage, Sensor, deviceId)
      expect(stored && readingOf(Sensor, stored, 'temperature') === 0).toBe(true)
    })

    test('every reading may be null, alone or all of them', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      const full: Record<string, StoredValue> = {
        temperature: 1.5,
        pulses: 2,
        open: false,
        label: '',
        mode: 'auto',
        calibrated_at: T0,
        config: '0',
        frame: new Uint8Array(),
        position: '{"lat":0,"lon":0}',
      }
      const without = Sensor.readingNames.map((name, index) =>
        sample(Sensor, deviceId, T0 + index, { ...full, [name]: null }),
      )
      await store(storage, Sensor, deviceId, [...without, sample(Sensor, deviceId, T0 + 1000)])
      const stored = await samplesOf(storage, Sensor, deviceId)
      const nulls = stored.map(({ values }) =>
        Sensor.readingNames.filter((_, index) => values[index] === null),
      )
      expect(nulls).toEqual([...Sensor.readingNames.map((name) => [name]), [...Sensor.readingNames]])
    })

    test('what a sample says of itself comes back as it went in', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      const samples = [
        sample(Sensor, deviceId, Date.UTC(1900, 0), {}, { receivedAt: 0 }),
        sample(Sensor, deviceId, -1, {}, { sampleId: `it's 🌡️ #1`, contentHash: 1, receivedAt: T0 + 999 }),
        sample(Sensor, deviceId, 0, {}, { contentHash: Number.MAX_SAFE_INTEGER }),
        sample(Sensor, deviceId, T0, {}, { contentHash: 0, flags: 'out_of_range:temperature clock_skew' }),
        sample(
          Sensor,
          deviceId,
          Date.UTC(9999, 11, 31, 23, 59, 59, 999),
          {},
          { sampleId: 'x'.repeat(128), contentHash: 2 },
        ),
      ]
      await store(storage, Sensor, deviceId, samples)
      const stored = await samplesOf(storage, Sensor, deviceId)
      expect(stored.map(({ id: _, ...rest }) => rest)).toEqual(samples)
      expect(new Set(stored.map(({ id }) => id)).size).toBe(samples.length)
    })

    test('bytes are copied: changing the buffer afterwards changes nothing', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      const frame = Uint8Array.of(1, 2, 3)
      await store(storage, Sensor, deviceId, [sample(Sensor, deviceId, T0, { frame })])
      frame.fill(9)
      const [stored] = await samplesOf(storage, Sensor, deviceId)
      expect(
        Buffer.from(stored ? (readingOf(Sensor, stored, 'frame') as Uint8Array) : []).toString('hex'),
      ).toBe('010203')
    })

    test('bytes are plain, and of the caller alone, from every call', async () => {
      const { storage } = shared
      const deviceId = newId()
      const given = Buffer.from([1, 2, 3])
      const key = Sensor.stateNames.indexOf('key')
      const state = Sensor.stateNames.map((_, index) => (index === key ? given : null))
      await storage.devices.create(Sensor, device(Sensor, deviceId, { state }))
      const frame = { frame: given }
      const of = sample(Sensor, deviceId, T0, frame)
      await storage.commit(batch([entry(Sensor, deviceId, [of], { payloadJson: null, payloadRaw: given })]))
      given.fill(9)
      const range = { deviceId, from: T0, to: T0 + 60_000, field: 'frame' }
      const page = { limit: 10 }
      const filter = { deviceId }
      const answers = async () => {
        const [message] = (await storage.messages.list(Sensor, filter, page)).items
        const ref = { typeKey: Sensor.key, id: message?.id ?? '' }
        const later = await storage.devices.update(Sensor, deviceId, { name: 'later' }, T0)
        const logged = (await storage.log.read([Sensor], null, 1000)).messages
        const [latest] = await storage.readings.latest(Sensor, [deviceId])
        const place = Sensor.readingNames.indexOf('frame')
        return {
          find: (await deviceOf(storage, Sensor, deviceId)).state[key],
          list: (await storage.devices.list(Sensor, conditionOf(Sensor, { search: deviceId }), page)).items[0]
            ?.record.state[key],
          update: later?.state[key],
          readings: (await storage.readings.list(Sensor, filter, page)).items[0]?.values[place],
          latest: latest?.values[place]?.value,
          latestSamples: (await storage.readings.latestSamples(Sensor, [deviceId]))[0]?.values[place],
          first: (await storage.readings.aggregate(Sensor, { ...range, fn: 'first' }))[0]?.result,
          hours: (await storage.readings.aggregate(Sensor, { ...range, fn: 'last', interval: 'hour' }))[0]
            ?.result,
          messages: message?.payloadRaw,
          get: (await storage.messages.get(ref))?.payloadRaw,
          log: logged.find((one) => one.deviceId === deviceId)?.payloadRaw,
        }
      }
      for (const _ of ['as given', 'after the answers were changed'])
        for (const [call, value] of Object.entries(await answers())) {
          expect(value, call).toEqual(Uint8Array.of(1, 2, 3))
          expect(Object.getPrototypeOf(value), call).toBe(Uint8Array.prototype)
          ;(value as Uint8Array).fill(7)
        }
    })

    test('the state of a device holds every kind too', async () => {
      const { storage } = shared
      const states: StoredValue[][] = [
        [
          0.1,
          Number.MAX_SAFE_INTEGER,
          true,
          `it's "ü" \\ 🌡️`,
          'manual',
          T0 + 1,
          '{"a":[1,null]}',
          ALL_BYTES,
          '{"lat":1,"lon":-2}',
        ],
        [
          -1e300,
          Number.MIN_SAFE_INTEGER,
          false,
          '',
          'Ünknown',
          -1,
          '[]',
          new Uint8Array(),
          '{"lat":0,"lon":0}',
        ],
        Sensor.stateNames.map(() => null),
      ]
      for (const values of states) {
        const deviceId = newId()
        await storage.devices.create(Sensor, device(Sensor, deviceId, { state: values }))
        const found = await deviceOf(storage, Sensor, deviceId)
        expect(found.state).toHaveLength(Sensor.stateNames.length)
        for (const [index, name] of Sensor.stateNames.entries()) {
          const kind = Sensor.state[name]?.kind
          const [back = null, sent = null] = [found.state[index], values[index]]
          expect(typeof back).toBe(typeof sent)
          expect(comparable(kind, back)).toEqual(comparable(kind, sent))
        }
      }
    })
  })
}
