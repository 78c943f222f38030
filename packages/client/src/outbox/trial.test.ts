import type { DeviceHubError } from '@devicehub/core/definition'
import { expect, test } from 'vitest'
import { createDeviceClient } from '../create-device-client.js'
import { type Script, startScriptedBroker } from '../testing/scripted-broker.js'
import { temporaryFolder } from '../testing/temporary-folder.js'
import { ALL, body, open, segmentsIn, wide } from '../testing/test-outbox.js'
import { createTrial } from './trial.js'

const WAIT = { timeout: 60_000, interval: 10 }
const numbers = (count: number) => Array.from({ length: count }, (_, i) => i)

const valuesIn = (packet: { payload: string | Buffer }) =>
  [JSON.parse(String(packet.payload)) as { value: number } | { value: number }[]]
    .flat()
    .map(({ value }) => value)

async function setUp(script: Script, { maxBatchBytes }: { maxBatchBytes?: number } = {}) {
  const folder = temporaryFolder()
  const broker = await startScriptedBroker(script)
  const errors: DeviceHubError[] = []
  const client = createDeviceClient(
    { type: 'sensor' },
    {
      url: broker.url,
      deviceId: 'S-1',
      reconnect: { min: '1ms', max: '20ms' },
      maxAttempts: 2,
      outbox: { folder: folder.path },
      ...(maxBatchBytes !== undefined && { maxBatchBytes }),
    },
  )
  client.on('error', (error) => errors.push(error))
  return {
    broker,
    client,
    errors,
    async [Symbol.asyncDispose]() {
      await client.close({ timeout: 0 })
      await broker[Symbol.asyncDispose]()
      folder[Symbol.dispose]()
    },
  }
}

test('a broker that drops every connection for a while costs no sample, one or many', async () => {
  for (const [count, drops] of [
    [1, 9],
    [12, 30],
  ] as const) {
    await using it = await setUp({ onPublish: (_, connection) => (connection <= drops ? 'cut' : 0) })
    await it.client.recordBatch(numbers(count).map((value) => ({ readings: { value } })))
    await it.client.connect()
    await expect
      .poll(() => it.client.stats(), WAIT)
      .toMatchObject({ queued: 0, delivered: count, setAside: 0 })
    expect(it.broker.connections).toBeGreaterThan(drops)
    expect(
      it.errors.some(({ message }) => /Nothing else got through.*stays in the outbox/.test(message)),
    ).toBe(true)
  }
})

test('a sample that costs the connection, first of all or last, is set aside once others get through', async () => {
  for (const poison of [0, 1, 2]) {
    await using it = await setUp({ onPublish: (packet) => (valuesIn(packet).includes(poison) ? 'cut' : 0) })
    await it.client.recordBatch(numbers(3).map((value) => ({ readings: { value } })))
    await it.client.connect()
    await expect.poll(() => it.client.stats(), WAIT).toMatchObject({ queued: 0, delivered: 2, setAside: 1 })
    expect(new Set(it.broker.published().flatMap(valuesIn))).toEqual(new Set([0, 1, 2]))
  }
})

test('one alone that costs the connection waits for another one to compare it with', async () => {
  await using it = await setUp(
    { onPublish: (packet) => (valuesIn(packet).includes(0) ? 'cut' : 0) },
    { maxBatchBytes: 1_000 },
  )
  // So large that the next one is in no message with it.
  await it.client.record({ value: 0, text: 'x'.repeat(990) })
  await it.client.connect()
  await expect
    .poll(() => it.errors.some(({ message }) => /Nothing else got through/.test(message)), WAIT)
    .toBe(true)
  expect(it.client.stats()).toMatchObject({ queued: 1, setAside: 0 })
  await it.client.record({ value: 1 })
  await expect.poll(() => it.client.stats(), WAIT).toMatchObject({ queued: 0, delivered: 1, setAside: 1 })
})

test('after a restart, one that is the last in its file is compared with those in the next', async () => {
  using folder = temporaryFolder()
  await using outbox = await open(folder.path, { maxBytes: 16 << 10 })
  for (let n = 0; segmentsIn(folder.path).length < 3; n++) await outbox.append([body(wide(n))])
  const first = await outbox.read(ALL)
  const sample = first?.records.at(-1)
  if (first === null || sample === undefined) throw new Error('nothing was read')
  outbox.giveBack(first)
  const most = await outbox.read({ ...ALL, maxSamples: first.records.length - 1 })
  if (most !== null) outbox.settle(most, 'delivered')
  const published: string[] = []
  const publish = async (bodies: readonly Buffer[]) => void published.push(...bodies.map(String))
  const trial = createTrial({ outbox, maxBytes: 1, publish })
  const waiting = outbox.stats()
  expect(await trial.judge(sample)).toBe('again')
  expect(await trial.judge(sample)).toBe('again')
  expect(await trial.judge(sample)).toBe('guilty')
  expect(published).toEqual([1, 1, 1].map((behind) => wide(sample.sequence - 1 + behind)))
  expect(outbox.stats()).toEqual(waiting)
  const same = await outbox.read({ ...ALL, maxSamples: 1 })
  expect(same?.records[0]?.sequence).toBe(sample.sequence)
})
