import { cborCodec } from '@devicehub/core/cbor'
import { defineDeviceType, state } from '@devicehub/core/definition'
import { expect, test } from 'vitest'
import { startCommandWorld } from '../testing/command-world.js'
import { connectRecorder } from '../testing/recorder.js'

const WAIT = { timeout: 60_000, interval: 5 }

test('report() sends what is new, with the applied version, and merges', async () => {
  await using it = await connectRecorder()
  await it.client.connect()
  const { twin } = it.client
  await twin.report({ mode: 'burst', interval: 5 })
  await twin.report({ mode: 'burst', interval: 6, since: new Date('2026-05-04T03:02:01Z') })
  await twin.report({ interval: 6 })
  await twin.report({ interval: null }, { timestamp: new Date(Date.UTC(2026, 0, 1)) })
  expect(it.reports()).toEqual([
    { reported: { mode: 'burst', interval: 5 } },
    { reported: { interval: 6, since: '2026-05-04T03:02:01.000Z' } },
    { reported: { interval: null }, timestamp: '2026-01-01T00:00:00.000Z' },
  ])
  expect(twin.reported).toEqual({ mode: 'burst', interval: null, since: new Date('2026-05-04T03:02:01Z') })
})

test.each<[Record<string, unknown>, RegExp]>([
  [{ speed: 3 }, /recorder has no state field 'speed'/],
  [{ mode: 'slow' }, /mode must be one of/],
  [{ mode: null }, /mode must have a value/],
  [{ interval: 0 }, /interval must lie within 1 and 3600/],
  [{ interval: 5, extra: Number.NaN }, /extra must be JSON/],
])('report(%j) is refused, and nothing of it is merged', async (patch, message) => {
  await using it = await connectRecorder()
  await it.client.connect()
  await expect(it.client.twin.report(patch as never)).rejects.toMatchObject({
    code: 'invalid_payload',
    message: expect.stringMatching(message),
  })
  expect(it.client.twin.reported).toEqual({})
})

test('reports go out one after the other: none overtakes another that the broker put off', async () => {
  let refusals = 0
  await using it = await connectRecorder({ script: { onPublish: () => (refusals++ === 0 ? 0x97 : 0) } })
  await it.client.connect()
  await Promise.all([1, 2, 3].map((interval) => it.client.twin.report({ interval })))
  const intervals = it.reports().map(({ reported }) => reported.interval)
  expect(intervals).toEqual([1, 1, 3])
})

test('a report that the broker refuses rejects, and goes with the next one', async () => {
  let allowed = false
  await using it = await connectRecorder({ script: { onPublish: () => (allowed ? 0 : 0x87) } })
  await it.client.connect()
  await expect(it.client.twin.report({ interval: 5 })).rejects.toMatchObject({ code: 'publish_failed' })
  allowed = true
  await it.client.twin.report({ mode: 'burst' })
  expect(it.reports().at(-1)).toEqual({ reported: { interval: 5, mode: 'burst' } })
})

test('the whole document is sent once at each connection, which makes up for a lost report', async () => {
  await using it = await connectRecorder()
  it.client.twin.onDesired(() => {})
  await it.client.connect()
  await it.client.twin.report({ interval: 5 })
  it.desire({ mode: 'burst' }, 3)
  await expect.poll(it.reports, WAIT).toHaveLength(2)
  for (const connection of [2, 3]) {
    await it.delivered()
    it.broker.cut()
    await expect.poll(() => it.client.stats().connections, WAIT).toBe(connection)
    await expect.poll(it.reports, WAIT).toHaveLength(connection + 1)
    expect(it.reports().at(-1)).toEqual({ reported: { interval: 5, mode: 'burst' }, version: 3 })
  }
  await it.delivered()
  expect(it.reports()).toHaveLength(4)
})

test('while offline reports are merged into one, and resolve when the broker has confirmed it', async () => {
  await using it = await connectRecorder({ reconnect: { min: '200ms', max: '200ms', jitter: 0 } })
  await it.client.connect()
  await it.client.twin.report({ interval: 1 })
  it.broker.cut()
  await expect.poll(() => it.client.state, WAIT).toBe('reconnecting')
  const reports = [2, 3, 4].map((interval) => it.client.twin.report({ interval }))
  const other = it.client.twin.report({ mode: 'burst' }, { signal: AbortSignal.abort(new Error('no time')) })
  await expect(other).rejects.toThrow('no time')
  await Promise.all(reports)
  expect(it.reports()).toEqual([{ reported: { interval: 1 } }, { reported: { interval: 4 } }])
})

test('reports before connect() and after close() are refused', async () => {
  await using it = await connectRecorder()
  await expect(it.client.twin.report({ interval: 1 })).rejects.toMatchObject({
    code: 'transport_unavailable',
  })
  await it.client.connect()
  await it.client.close()
  await expect(it.client.twin.report({ interval: 1 })).rejects.toMatchObject({ code: 'closed' })
})

test("bytes go through the type's codec as bytes", async () => {
  const Meter = defineDeviceType('meter', { codec: cborCodec, state: { mask: state.binary() } })
  await using it = await startCommandWorld(Meter)
  it.client.twin.onDesired(() => {})
  await it.client.connect()
  const document = { desired: { mask: new Uint8Array([1, 255]) }, version: 1 }
  const payload = Buffer.from(cborCodec.encode(document, { channel: 'desired' }))
  it.send('', { channel: 'desired', payload })
  await expect.poll(() => it.packetsOn('state').length, WAIT).toBe(1)
  const report = cborCodec.decode(it.packetsOn('state')[0]?.payload as Buffer, {
    channel: 'state',
    topic: 'things/t/d/state',
    deviceId: 'd',
    receivedAt: new Date(0),
  })
  expect(report).toEqual({ reported: { mask: new Uint8Array([1, 255]) }, version: 1 })
})
