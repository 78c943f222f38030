import { cborCodec } from '@devicehub/core/cbor'
import { type Codec, command, defineDeviceType, jsonCodec, reading } from '@devicehub/core/definition'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { startCommandWorld } from '../testing/command-world.js'
import { connectValve, gate } from '../testing/valve.js'

const WAIT = { timeout: 60_000, interval: 5 }

test('a command is answered when it starts and when it has ended, with the result', async () => {
  await using it = await connectValve()
  const { open, passed } = gate()
  it.client.onCommand('open', async ({ degrees }) => {
    await passed
    return { was: degrees }
  })
  await it.client.connect()
  it.send({ command: 'open', payload: { degrees: 30 }, id: 'a' })
  const accepted = { id: 'a', command: 'open', status: 'accepted' }
  await expect.poll(it.replies, WAIT).toEqual([accepted])
  open()
  await expect
    .poll(it.replies, WAIT)
    .toEqual([accepted, { id: 'a', command: 'open', status: 'succeeded', result: { was: 30 } }])
  expect(it.packetsOn('response').map(({ qos, retain }) => [qos, retain])).toEqual([
    [1, false],
    [1, false],
  ])
  expect(it.errors).toEqual([])
})

test('a quick handler is answered once, with the result alone', async () => {
  await using it = await connectValve()
  it.client.onCommand('open', async ({ degrees }) => ({ was: degrees }))
  await it.client.connect()
  const ids = ['a', 'b', 'c']
  for (const id of ids) it.send({ command: 'open', payload: { degrees: 30 }, id })
  await expect.poll(() => it.replies().length, WAIT).toBeGreaterThanOrEqual(3)
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(it.replies()).toEqual(
    ids.map((id) => ({ id, command: 'open', status: 'succeeded', result: { was: 30 } })),
  )
})

test.each([
  [
    'throws',
    () => {
      throw new Error('stuck\u0000\nfast')
    },
  ],
  [
    'rejects',
    async () => {
      throw new Error('stuck\u0000\nfast')
    },
  ],
])('a handler that %s: the sender and the device are told, and no other is harmed', async (_, failing) => {
  await using it = await connectValve()
  it.client.onCommand('open', failing)
  it.client.onCommand('close', it.note('close'))
  await it.client.connect()
  it.send({ command: 'open', payload: { degrees: 1 }, id: 'a' })
  it.send({ command: 'close' })
  await expect.poll(() => it.replies().length, WAIT).toBe(1)
  expect(it.replies()[0]).toEqual({ id: 'a', command: 'open', status: 'failed', error: 'stuck? fast' })
  expect(it.errors.map(({ code, message }) => [code, message])).toEqual([
    ['handler_failed', 'the command open (a) failed: its handler failed: stuck? fast'],
  ])
  await expect.poll(() => it.executed, WAIT).toHaveLength(1)
})

test("a handler's message is cut to 512 characters, and never through one", async () => {
  await using it = await connectValve()
  it.client.onCommand('close', () => {
    throw new Error(`x${'😀'.repeat(1000)}`)
  })
  await it.client.connect()
  it.send({ command: 'close', id: 'a' })
  await expect.poll(() => it.replies().length, WAIT).toBe(1)
  expect(it.replies()[0]?.error).toBe(`x${'😀'.repeat(254)}...`)
})

const circle: Record<string, unknown> = {}
circle.self = circle

test.each<[string, 'measure' | 'close', unknown, RegExp]>([
  [
    "does not fit the command's schema",
    'measure',
    { degrees: 'many' },
    /^its result does not fit: result\.degrees/,
  ],
  ['is missing where the schema wants one', 'measure', undefined, /^its result does not fit/],
  ['is no JSON', 'close', { at: Number.NaN }, /^its result cannot be encoded: it is not JSON/],
  ['is a circle', 'close', circle, /^its result cannot be encoded/],
  ['is a bigint', 'close', 3n, /^its result cannot be encoded/],
  ['is a function', 'close', () => {}, /^its result cannot be encoded/],
])('a result that %s: the command failed, and it is reported', async (_, name, result, expected) => {
  await using it = await connectValve()
  it.client.onCommand<'close'>(name as 'close', () => result as null)
  await it.client.connect()
  it.send({ command: name, id: 'a' })
  await expect.poll(() => it.replies().length, WAIT).toBe(1)
  expect(it.replies()[0]).toMatchObject({ status: 'failed', error: expect.stringMatching(expected) })
  expect(it.errors).toMatchObject([{ code: 'handler_failed', details: { command: name, id: 'a' } }])
})

test('a result is sent as the handler gave it: the hub applies the schema as well', async () => {
  const Meter = defineDeviceType('meter', {
    commands: { read: command({ result: z.object({ volts: z.string().transform(Number) }) }) },
  })
  await using it = await startCommandWorld(Meter)
  it.client.onCommand('read', () => ({ volts: '3.30' }))
  await it.client.connect()
  it.send({ command: 'read', id: 'a' })
  await expect.poll(() => it.replies()[0]?.result, WAIT).toEqual({ volts: '3.30' })
})

test('a result that is larger than the broker takes: the command failed', async () => {
  await using it = await connectValve({ script: { connack: { properties: { maximumPacketSize: 2000 } } } })
  it.client.onCommand('close', () => 'x'.repeat(3000))
  await it.client.connect()
  it.send({ command: 'close', id: 'a' })
  await expect.poll(() => it.replies().length, WAIT).toBe(1)
  expect(it.replies()[0]).toMatchObject({
    status: 'failed',
    error: expect.stringMatching(/cannot be sent.*takes 2000/),
  })
  expect(it.errors).toMatchObject([{ code: 'publish_failed' }])
})

test('MQTT 5: replies carry the correlation data, and go to the own topic whatever response topic a sender names', async () => {
  await using it = await connectValve()
  it.client.onCommand('close', () => 1)
  await it.client.connect()
  const bytes = Buffer.from([0, 255, 1])
  it.send(
    { command: 'close', id: 'a' },
    { properties: { correlationData: bytes, responseTopic: 'things/valve/OTHER/cmd' } },
  )
  it.send({ command: 'close' }, { properties: { correlationData: Buffer.from('order 7/ä') } })
  it.send({ command: 'close' }, { properties: { correlationData: bytes } })
  it.send({ command: 'close', id: 'last' })
  await expect.poll(() => it.replies().length, WAIT).toBe(3)
  expect(new Set(it.broker.published().map(({ topic }) => topic))).toEqual(
    new Set(['things/valve/D-1/response']),
  )
  const correlations = it
    .packetsOn('response')
    .map(({ properties }, i) => [it.replies()[i]?.id, properties?.correlationData?.toString('latin1')])
  const own = Buffer.from('order 7/ä').toString('latin1')
  expect(correlations.filter(([id]) => id === 'a')).toEqual([['a', '\0ÿ\u0001']])
  // Printable text stands in for an id that is missing; bytes do not.
  expect(correlations.filter(([id]) => id === 'order 7/ä')).toEqual([['order 7/ä', own]])
  expect(correlations.filter(([id]) => id === 'last')).toEqual([['last', undefined]])
})

test("replies are written by the type's codec", async () => {
  const Meter = defineDeviceType('meter', { codec: cborCodec, commands: { read: command() } })
  await using it = await startCommandWorld(Meter)
  it.client.onCommand('read', () => ({ raw: new Uint8Array([1, 255]) }) as never)
  await it.client.connect()
  const payload = Buffer.from(cborCodec.encode({ command: 'read', id: 'a' }, { channel: 'cmd' }))
  it.send('', { payload })
  await expect.poll(() => it.packetsOn('response').length, WAIT).toBe(1)
  const final = cborCodec.decode(it.packetsOn('response')[0]?.payload as Buffer, {
    channel: 'response',
    topic: 'things/t/d/response',
    deviceId: 'd',
    receivedAt: new Date(0),
  })
  expect(final).toEqual({
    id: 'a',
    command: 'read',
    status: 'succeeded',
    result: { raw: new Uint8Array([1, 255]) },
  })
})

test('a codec that writes no replies is reported, and the commands behind are executed', async () => {
  const encode: Codec['encode'] = (value, context) => {
    if (context.channel === 'response') throw new Error('data only')
    return jsonCodec.encode(value, context)
  }
  const Meter = defineDeviceType('meter', { codec: { ...jsonCodec, encode }, commands: { read: command() } })
  await using it = await startCommandWorld(Meter)
  const executed: (string | null)[] = []
  it.client.onCommand('read', (_, { id }) => void executed.push(id))
  await it.client.connect()
  for (const id of ['a', 'b', 'a']) it.send({ command: 'read', id })
  it.send({ command: 'explode', id: 'c' })
  await expect
    .poll(() => it.errors.at(-1)?.message, WAIT)
    .toMatch(/explode \(c\) cannot be answered: .*data only/)
  await expect.poll(() => executed, WAIT).toEqual(['a', 'b'])
  expect(it.replies()).toEqual([])
})

test('a final reply that finds the queue full waits until there is room', async () => {
  const Sensor = defineDeviceType('sensor', {
    readings: { value: reading.float() },
    commands: { read: command() },
  })
  let quiet = true
  await using it = await startCommandWorld(Sensor, {
    maxQueued: 1,
    maxInFlight: 1,
    script: { onPublish: () => (quiet ? 'silence' : 0) },
  })
  let calls = 0
  it.client.onCommand('read', () => ++calls)
  await it.client.connect()
  const samples = [it.client.record({ value: 1 }), it.client.record({ value: 2 })]
  await expect(it.client.record({ value: 3 })).rejects.toMatchObject({ code: 'queue_full' })
  it.send({ command: 'read', id: 'a' })
  await expect.poll(() => calls, WAIT).toBe(1)
  quiet = false
  it.broker.cut()
  await Promise.all(samples)
  await expect.poll(it.replies, WAIT).toEqual([{ id: 'a', command: 'read', status: 'succeeded', result: 1 }])
})

test('a reply that the broker refuses is reported, and sent again on the next connection', async () => {
  let allowed = false
  await using it = await connectValve({ script: { onPublish: () => (allowed ? 0 : 0x87) } })
  it.client.onCommand('close', it.note('close'))
  await it.client.connect()
  it.send({ command: 'close', id: 'a' })
  await expect
    .poll(() => it.errors[0]?.message, WAIT)
    .toMatch(/refused a publication to .*response: not authorized/)
  allowed = true
  const before = it.replies().length
  it.broker.cut()
  await expect.poll(() => it.replies().length, WAIT).toBe(before + 1)
  expect(it.replies().at(-1)).toMatchObject({ id: 'a', status: 'succeeded' })
  await it.delivered()
  it.broker.cut()
  await expect.poll(() => it.client.stats().connections, WAIT).toBe(3)
  expect(it.replies()).toHaveLength(before + 1)
})
