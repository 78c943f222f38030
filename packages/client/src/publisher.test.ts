import type { DeviceHubError } from '@devicehub/core/definition'
import { expect, test } from 'vitest'
import { createDeviceClient } from './create-device-client.js'
import type { DeviceClientOptions } from './device-client-options.js'
import { type Script, startScriptedBroker } from './testing/scripted-broker.js'

async function setUp(script: Script, options: Partial<DeviceClientOptions> = {}) {
  const broker = await startScriptedBroker(script)
  const errors: DeviceHubError[] = []
  const client = createDeviceClient(
    { type: 'sensor' },
    { url: broker.url, deviceId: 'S-1', reconnect: { min: '1ms', max: '20ms' }, ...options },
  )
  client.on('error', (error) => errors.push(error))
  await client.connect()
  return {
    broker,
    client,
    errors,
    async [Symbol.asyncDispose]() {
      await client.close({ timeout: 0 })
      await broker[Symbol.asyncDispose]()
    },
  }
}

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i)
const valueIn = (packet: { payload: string | Buffer }) =>
  (JSON.parse(String(packet.payload)) as { value: number }).value

test("keeps to the server's Receive Maximum", async () => {
  await using it = await setUp({ connack: { properties: { receiveMaximum: 3 } } })
  await Promise.all(numbers(200).map((value) => it.client.record({ value })))
  expect(it.broker.mostInFlight).toBe(3)
  expect(it.broker.published().map(valueIn)).toEqual(numbers(200))
  expect(it.client.stats()).toMatchObject({
    inFlightLimit: 3,
    confirmed: 200,
    resent: 0,
    queued: 0,
    inFlight: 0,
  })
})

test('keeps to maxInFlight where the server grants more', async () => {
  await using it = await setUp({}, { maxInFlight: 7 })
  await Promise.all(numbers(50).map((value) => it.client.record({ value })))
  expect(it.broker.mostInFlight).toBe(7)
})

test('a PUBACK that says "quota exceeded" is an order to slow down, not a failure', async () => {
  let refusals = 0
  await using it = await setUp({ onPublish: () => (++refusals <= 3 ? 0x97 : 0) }, { maxInFlight: 8 })
  await Promise.all(numbers(40).map((value) => it.client.record({ value })))
  expect(new Set(it.broker.published().map(valueIn))).toEqual(new Set(numbers(40)))
  expect(it.client.stats()).toMatchObject({ slowDowns: 3, confirmed: 40, resent: 3 })
  expect(it.errors).toEqual([])
})

test.each([0x93, 0x96, 0x97])(
  'a DISCONNECT that says %i leads to fewer in flight and to sending again',
  async (code) => {
    await using it = await setUp(
      { onPublish: (_, connection) => (connection <= 2 ? { disconnect: code } : 0) },
      { maxInFlight: 16 },
    )
    await Promise.all(numbers(60).map((value) => it.client.record({ value })))
    const { slowDowns, confirmed, connections } = it.client.stats()
    expect({ slowDowns, confirmed, connections }).toEqual({ slowDowns: 2, confirmed: 60, connections: 3 })
    expect(it.errors.map((error) => error.code)).toEqual(['transport_unavailable', 'transport_unavailable'])
    expect(new Set(it.broker.published().map(valueIn))).toEqual(new Set(numbers(60)))
  },
)

test('the limit grows again when the broker bears it', async () => {
  let refusals = 0
  await using it = await setUp({ onPublish: () => (++refusals === 1 ? 0x97 : 0) }, { maxInFlight: 8 })
  await it.client.record({ value: 0 })
  expect(it.client.stats().inFlightLimit).toBe(4)
  await Promise.all(numbers(100).map((value) => it.client.record({ value })))
  expect(it.client.stats().inFlightLimit).toBe(8)
})

test('any other refusal rejects that publication and no other', async () => {
  await using it = await setUp({ onPublish: (packet) => (valueIn(packet) === 2 ? 0x87 : 0) })
  const outcomes = await Promise.allSettled(numbers(5).map((value) => it.client.record({ value })))
  expect(outcomes.map((outcome) => outcome.status)).toEqual([
    'fulfilled',
    'fulfilled',
    'rejected',
    'fulfilled',
    'fulfilled',
  ])
  expect((outcomes[2] as PromiseRejectedResult).reason).toMatchObject({
    code: 'publish_failed',
    message: 'the broker refused a publication to things/sensor/S-1/data: not authorized (0x87)',
  })
  expect(it.broker.connections).toBe(1)
})

test.each([3600, 0])(
  'what was not confirmed is sent again in order, marked as such, with the same id (session of %i s)',
  async (sessionExpiry) => {
    await using it = await setUp(
      { onPublish: (_, connection) => (connection === 1 ? 'silence' : 0) },
      { maxInFlight: 4, sessionExpiry },
    )
    const all = Promise.all(numbers(6).map((value) => it.client.record({ value })))
    await expect.poll(() => it.broker.published().length).toBe(4)
    const first = it.broker.published().map((packet) => String(packet.payload))
    it.broker.cut()
    await all
    const again = it.broker.published().slice(4)
    expect(again.map(valueIn)).toEqual([0, 1, 2, 3, 4, 5])
    expect(again.map((packet) => packet.dup)).toEqual([true, true, true, true, false, false])
    expect(again.slice(0, 4).map((packet) => String(packet.payload))).toEqual(first)
  },
)

test('bytes that are not MQTT end the connection, and the rest is sent on another', async () => {
  // 0x93 is no reason a PUBACK may carry.
  await using it = await setUp({ onPublish: (_, connection) => (connection === 1 ? 0x93 : 0) })
  await it.client.record({ value: 1 })
  expect(it.client.stats()).toMatchObject({ connections: 2, confirmed: 1, resent: 1 })
})

test('a broker that stops confirming is left, and the rest is sent on another connection', async () => {
  await using it = await setUp(
    { onPublish: (_, connection) => (connection === 1 ? 'silence' : 0) },
    { ackTimeout: 1 },
  )
  await it.client.record({ value: 1 })
  expect(it.client.stats()).toMatchObject({ connections: 2, confirmed: 1, resent: 1 })
  expect(it.errors[0]?.message).toMatch(/the broker confirmed nothing for 1 s/)
})

test('a publication that costs the connection each time is given up, the others get through', async () => {
  const isPoison = (packet: { payload: string | Buffer }) => valueIn(packet) === 3
  await using it = await setUp(
    { onPublish: (packet) => (isPoison(packet) ? 'cut' : 0) },
    { maxInFlight: 8, maxAttempts: 3 },
  )
  const outcomes = await Promise.allSettled(numbers(20).map((value) => it.client.record({ value })))
  const rejected = outcomes.flatMap((outcome, index) =>
    outcome.status === 'rejected' ? [{ index, reason: outcome.reason }] : [],
  )
  expect(rejected).toHaveLength(1)
  expect(rejected[0]).toMatchObject({ index: 3, reason: { code: 'publish_failed' } })
  expect(rejected[0]?.reason.message).toMatch(
    /3 times the connection was lost while it alone was unconfirmed/,
  )
})

test("a publication above the server's Maximum Packet Size is refused before it is sent", async () => {
  await using it = await setUp({ connack: { properties: { maximumPacketSize: 300 } } })
  await expect(it.client.record({ text: 'x'.repeat(300) })).rejects.toMatchObject({
    code: 'publish_failed',
    message: expect.stringMatching(/has \d+ bytes; the broker takes 300/),
  })
  await it.client.record({ text: 'short' })
  expect(it.broker.published()).toHaveLength(1)
})

test('invariant 5: past the bound of the queue a call is refused at once, and room() says when to go on', async () => {
  await using it = await setUp(
    { onPublish: (_, connection) => (connection === 1 ? 'silence' : 0) },
    { maxInFlight: 1, maxQueued: 5 },
  )
  const accepted = numbers(6).map((value) => it.client.record({ value }))
  await expect(it.client.record({ value: 6 })).rejects.toMatchObject({
    code: 'queue_full',
    message: expect.stringMatching(/5 publications .* wait already/),
  })
  await expect.poll(() => it.broker.published().length).toBe(1)
  let hasRoom = false
  const room = it.client.room().then(() => {
    hasRoom = true
  })
  await new Promise((resolve) => setImmediate(resolve))
  expect(hasRoom).toBe(false)
  it.broker.cut()
  await room
  await it.client.record({ value: 7 })
  await Promise.all(accepted)
  expect(it.broker.published().map(valueIn)).toEqual([0, 0, 1, 2, 3, 4, 5, 7])
})

test('invariant 5: the queue is bounded in bytes as well', async () => {
  await using it = await setUp({ onPublish: () => 'silence' }, { maxInFlight: 1, maxQueuedBytes: 1000 })
  const outcomes: string[] = []
  // One in flight, then three of more than 400 bytes: the last of them makes it 1,000.
  for (const text of ['a', 'b', 'c', 'd', 'e'])
    it.client.record({ text: text.repeat(400) }).catch((error: DeviceHubError) => outcomes.push(error.code))
  await expect.poll(() => outcomes).toEqual(['queue_full'])
  expect(it.client.stats()).toMatchObject({ queued: 3, inFlight: 1 })
})

test('an aborted publication that waits is never sent; others take its place', async () => {
  await using it = await setUp(
    { onPublish: (_, connection) => (connection === 1 ? 'silence' : 0) },
    { maxInFlight: 1, maxQueued: 2 },
  )
  const first = it.client.record({ value: 0 })
  const controller = new AbortController()
  const aborted = it.client.record({ value: 1 }, { signal: controller.signal })
  const second = it.client.record({ value: 2 })
  controller.abort(new Error('too old'))
  await expect(aborted).rejects.toThrow('too old')
  const third = it.client.record({ value: 3 })
  expect(it.client.stats()).toMatchObject({ queued: 2, inFlight: 1 })
  await expect.poll(() => it.broker.published().length).toBe(1)
  it.broker.cut()
  await Promise.all([first, second, third])
  expect(it.broker.published().map(valueIn)).toEqual([0, 0, 2, 3])
})

test('closing rejects what could not be sent', async () => {
  await using it = await setUp({ onPublish: () => 'silence' })
  const waiting = it.client.record({ value: 1 })
  const rejected = expect(waiting).rejects.toMatchObject({
    code: 'closed',
    message: expect.stringMatching(/1 publications? unconfirmed/),
  })
  await it.client.close({ timeout: '50ms' })
  await rejected
  await expect(it.client.record({ value: 2 })).rejects.toMatchObject({ code: 'closed' })
})

test('a backfill is cut into messages that keep to both bounds, in order', async () => {
  await using it = await setUp({}, { maxBatchSamples: 4, maxBatchBytes: 1000 })
  const small = numbers(10).map((value) => ({ readings: { value } }))
  await it.client.recordBatch(small)
  const large = numbers(3).map((value) => ({ readings: { value, text: 'x'.repeat(600) } }))
  await it.client.recordBatch(large)
  const batches = it.broker
    .published()
    .map((packet) => JSON.parse(String(packet.payload)) as { value: number }[])
  expect(batches.map((batch) => batch.map(({ value }) => value))).toEqual([
    [0, 1, 2, 3],
    [4, 5, 6, 7],
    [8, 9],
    [0],
    [1],
    [2],
  ])
})

test('a backfill with one bad sample sends nothing', async () => {
  await using it = await setUp({})
  const samples = [{ readings: { value: 1 } }, { readings: { value: Number.NaN } }]
  await expect(it.client.recordBatch(samples)).rejects.toMatchObject({ code: 'invalid_payload' })
  expect(it.broker.published()).toEqual([])
})

test('a device that may not subscribe to its commands still sends, and reports an error', async () => {
  await using it = await setUp({ granted: 0x87 })
  await it.client.record({ value: 1 })
  expect(it.errors[0]?.message).toMatch(/no commands: the subscription to things\/sensor\/S-1\/cmd failed/)
})

test('what the server says in its DISCONNECT is in the error event, as text', async () => {
  await using broker = await startScriptedBroker()
  const client = createDeviceClient({ type: 'sensor' }, { url: broker.url, deviceId: 'S-1' })
  const errors: DeviceHubError[] = []
  client.on('error', (error) => errors.push(error))
  await client.connect()
  const properties = { reasonString: 'moved\nand \u001b[31mgone', serverReference: 'b.example.com' }
  broker.send({ cmd: 'disconnect', reasonCode: 0x9c, properties })
  await expect.poll(() => errors.length, { timeout: 60_000 }).toBeGreaterThan(0)
  await client.close({ timeout: 0 })
  expect(errors[0]?.message).toContain(
    'the broker ended it: use another server (0x9c), "moved and ?[31mgone"; it refers to the server "b.example.com"',
  )
  expect(errors[0]?.details).toEqual({
    reasonCode: 0x9c,
    reasonString: 'moved and ?[31mgone',
    serverReference: 'b.example.com',
  })
})

test('a server that sends DISCONNECT at once is tried again with pauses', async () => {
  await using it = await setUp(
    { onPublish: () => ({ disconnect: 0x97 }) },
    { reconnect: { min: '50ms', max: '400ms', jitter: 0 } },
  )
  const start = Date.now()
  it.client.record({ value: 1 }).catch(() => {})
  await expect.poll(() => it.broker.connections, { timeout: 30_000 }).toBeGreaterThanOrEqual(5)
  // 50 + 100 + 200 + 400: the pauses grow although each attempt succeeded.
  expect(Date.now() - start).toBeGreaterThanOrEqual(700)
})
