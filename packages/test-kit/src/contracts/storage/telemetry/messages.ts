import type { NewMessage } from '@devicehub/core/definition'
import type { StoredMessage } from '@devicehub/core/storage'
import { describe, expect, test } from 'vitest'
import { ALL_BYTES, batch, entry, Meter, message, messagesOf, newId, Sensor, T0 } from '../fixtures.js'
import { errorOf, everyPage, freshStorage, type StorageContract, sharedStorage } from '../harness.js'

const comparable = ({ payloadRaw, payloadJson, userProperties, ...rest }: NewMessage) => ({
  ...rest,
  payloadRaw: payloadRaw && Buffer.from(payloadRaw).toString('hex'),
  payloadJson: payloadJson === null ? null : JSON.parse(payloadJson),
  userProperties: userProperties === null ? null : JSON.parse(userProperties),
})

const MESSAGES: Readonly<Record<string, Partial<NewMessage>>> = {
  'every column is set': {
    channel: 'response',
    direction: 'out',
    topic: `things/contractsensor/${'x'.repeat(128)}/response`,
    payloadJson: '{"temperature":25.3}',
    contentType: 'application/json; charset=utf-8',
    correlationId: 'c0ffee-🌡️',
    userProperties: '{"command":"reboot","list":["a","b"],"quote":"\\"\'"}',
    source: 'mqtt:default',
    qos: 2,
    redelivered: true,
    retained: true,
    status: 'rejected',
    code: 'invalid_type',
    reason: `temperature: "hot" isn't a number; 漢字 🌡️ \\ ${'long '.repeat(400)}`,
    flags: 'out_of_range:temperature clock_skew redelivered',
    receivedAt: T0 + 123,
    processedAt: T0 + 456,
  },
  'everything is null that may be': { channel: null, payloadJson: null, direction: 'hub', qos: 0, topic: '' },
  'JSON with escapes that some databases refuse': {
    payloadJson: String.raw`{"nul":"a\u0000b","lone":"\ud800","pair":"\ud83c\udf21","emoji":"🌡️"}`,
  },
  'JSON with large numbers and equal keys': {
    payloadJson: '{"n":123456789012345678901234567890,"a":1,"a":2}',
  },
  'JSON that is not an object': { payloadJson: 'null' },
  'a topic of 2,000 characters': { topic: `things/${'long/'.repeat(400)}` },
  'raw bytes of every value': { payloadJson: null, payloadRaw: ALL_BYTES },
  'no raw bytes': { payloadJson: null, payloadRaw: null },
}

export function messageContract(contract: StorageContract): void {
  describe('messages', () => {
    const shared = sharedStorage(contract)

    describe.each([Sensor, null])('of %s', (type) => {
      test('an id is known as it was given, and in no other writing', async () => {
        const { storage } = shared
        const deviceId = newId()
        await storage.commit(batch([entry(type, deviceId)]))
        const [stored] = await messagesOf(storage, type, deviceId)
        const { id = '', typeKey = null } = stored ?? {}
        expect(await storage.messages.get({ typeKey, id })).toMatchObject({ deviceId })
        for (const other of [
          `0${id}`,
          `00${id}`,
          ` ${id}`,
          `${id} `,
          `+${id}`,
          `${id}.0`,
          `${id}e0`,
          `-${id}`,
          '0',
          '',
        ])
          expect(await storage.messages.get({ typeKey, id: other }), other).toBeNull()
      })

      test.each(Object.entries(MESSAGES))('come back as they went in: %s', async (_, columns) => {
        const { storage } = shared
        const deviceId = newId()
        await storage.commit(batch([entry(type, deviceId, [], columns)]))
        const [stored] = await messagesOf(storage, type, deviceId)
        expect(stored).toBeDefined()
        const { id, typeKey, ...rest } = stored as StoredMessage
        expect(comparable(rest)).toEqual(comparable(message({ deviceId, ...columns })))
        expect(typeKey).toBe(type?.key ?? null)
        expect(await storage.messages.get({ typeKey, id })).toEqual(stored)
      })
    })

    test('a payload of 1 MB is kept byte for byte, as JSON and raw', async () => {
      const { storage } = shared
      const deviceId = newId()
      const payloadJson = JSON.stringify({ text: 'ä🌡\\'.repeat(150_000) })
      const payloadRaw = Uint8Array.from({ length: 1_000_000 }, (_, index) => (index * 7) & 255)
      await storage.commit(
        batch([
          entry(Sensor, deviceId, [], { payloadJson }),
          entry(Sensor, deviceId, [], { payloadJson: null, payloadRaw }),
        ]),
      )
      const [raw, json] = await messagesOf(storage, Sensor, deviceId)
      expect(JSON.parse(json?.payloadJson ?? '') as unknown).toEqual(JSON.parse(payloadJson))
      expect(Buffer.compare(raw?.payloadRaw ?? Buffer.alloc(0), payloadRaw)).toBe(0)
    })

    test('a payload is copied: changing the buffer afterwards changes nothing', async () => {
      const { storage } = shared
      const deviceId = newId()
      const payloadRaw = Uint8Array.of(1, 2, 3)
      await storage.commit(batch([entry(Sensor, deviceId, [], { payloadJson: null, payloadRaw })]))
      payloadRaw.fill(9)
      const [stored] = await messagesOf(storage, Sensor, deviceId)
      expect(Buffer.from(stored?.payloadRaw ?? []).toString('hex')).toBe('010203')
    })

    test('a message without a device is kept', async () => {
      const { storage } = shared
      const topic = newId('topic')
      await storage.commit(batch([entry(null, null, [], { topic }), entry(Sensor, null, [], { topic })]))
      for (const type of [null, Sensor]) {
        const { items } = await storage.messages.list(type, {}, { limit: 1 })
        expect(items[0]).toMatchObject({ topic, deviceId: null })
      }
    })

    test('get answers null for an id that is not there', async () => {
      const { storage } = shared
      for (const id of [
        '999999999',
        '0',
        '-1',
        '',
        'abc',
        '1e3',
        '99999999999999999999999999',
        "1' or '1'='1",
      ])
        expect(await storage.messages.get({ typeKey: Sensor.key, id })).toBeNull()
      expect(await storage.messages.get({ typeKey: null, id: '999999999' })).toBeNull()
    })

    test('list filters by device, status, channel and received time, and all of them together', async () => {
      const { storage } = shared
      const [a, b] = [newId(), newId()]
      const rows: [string, Partial<NewMessage>][] = [
        [a, { receivedAt: T0 }],
        [a, { receivedAt: T0 + 10, status: 'rejected' }],
        [b, { receivedAt: T0 + 20, channel: 'status' }],
        [a, { receivedAt: T0 + 30, status: 'rejected', channel: 'status' }],
        [a, { receivedAt: T0 + 40, status: 'quarantined', channel: 'status' }],
      ]
      await storage.commit(batch(rows.map(([deviceId, more]) => entry(Meter, deviceId, [], more))))
      const times = async (filter: Parameters<typeof storage.messages.list>[1]) =>
        (await storage.messages.list(Meter, filter, { limit: 100 })).items.map((m) => m.receivedAt - T0)
      expect(await times({})).toEqual([40, 30, 20, 10, 0])
      expect(await times({ deviceId: a })).toEqual([40, 30, 10, 0])
      expect(await times({ deviceId: a.toUpperCase() })).toEqual([])
      expect(await times({ status: 'rejected' })).toEqual([30, 10])
      expect(await times({ channel: 'status' })).toEqual([40, 30, 20])
      expect(await times({ from: T0 + 10, to: T0 + 30 })).toEqual([20, 10])
      expect(await times({ deviceId: a, status: 'rejected', channel: 'status', from: T0 + 30 })).toEqual([30])
    })

    test('list pages through equal received times without a gap or a repetition', async () => {
      await using opened = await freshStorage(contract)
      const { storage } = opened
      for (let part = 0; part < 5; part++)
        await storage.commit(
          batch(
            Array.from({ length: 5 }, (_, i) => entry(Sensor, 'd', [], { correlationId: `${part * 5 + i}` })),
          ),
        )
      const { items, sizes } = await everyPage((cursor) =>
        storage.messages.list(Sensor, {}, { limit: 10, cursor }),
      )
      expect(items.map((item) => Number(item.correlationId))).toEqual(
        Array.from({ length: 25 }, (_, i) => 24 - i),
      )
      expect(sizes).toEqual([10, 10, 5])
      const filtered = await everyPage((cursor) =>
        storage.messages.list(Sensor, { deviceId: 'd', status: 'processed' }, { limit: 5, cursor }),
      )
      expect(filtered.sizes).toEqual([5, 5, 5, 5, 5])
    })

    test('a cursor that the storage did not give out is `invalid_query`', async () => {
      for (const cursor of ['nonsense', '', '{}', '-', "1' or '1'='1"])
        await expect(shared.storage.messages.list(Sensor, {}, { limit: 1, cursor })).rejects.toEqual(
          errorOf('invalid_query'),
        )
    })
  })
}
