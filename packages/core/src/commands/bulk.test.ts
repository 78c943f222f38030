import { expect, test } from 'vitest'
import type { BulkOutcome, BulkProgress } from '../index.js'
import { runBulk } from './bulk.js'
import { contentOf, online, Station, send, until, world } from './testing/command-world.js'

const ids = Array.from({ length: 40 }, (_, n) => `d${String(n).padStart(2, '0')}`)

test('one command for many devices: so many at a time, each with its end, under one batch', async () => {
  const of = world()
  for (const deviceId of ids) await online(of, deviceId)
  await of.hub.devices.create(Station, { deviceId: 'off' })
  await of.hub.devices.create(Station, { deviceId: 'idle', isActive: false })
  let open = 0
  let most = 0
  of.onPublish = (message) => {
    most = Math.max(most, ++open)
    const deviceId = message.topic.split('/')[2] as string
    const { id } = contentOf(message)
    setTimeout(() => {
      open--
      void send(of, deviceId, 'response', {
        id,
        status: deviceId < 'd10' ? 'failed' : 'succeeded',
        result: deviceId,
      })
    }, 5)
  }
  const outcomes: BulkOutcome[] = []
  const progress: BulkProgress[] = []
  const summary = await of.hub.commands.sendMany(
    Station,
    { deviceIds: [...ids, 'off', 'idle', 'nobody', 'a/b'] },
    'reboot',
    undefined,
    { concurrency: 7, onResult: (one) => outcomes.push(one), onProgress: (one) => progress.push(one) },
  )
  expect(summary).toMatchObject({ done: 44, aborted: false })
  expect(summary.counts).toEqual({
    succeeded: 30,
    failed: 10,
    rejected: 0,
    timed_out: 0,
    expired: 0,
    cancelled: 0,
    waiting: 1,
    refused: 3,
  })
  expect(most).toBeGreaterThan(1)
  expect(most).toBeLessThanOrEqual(7)
  expect(progress).toHaveLength(44)
  expect(progress.at(-1)).toMatchObject({ done: 44, running: 0, counts: summary.counts })
  const by = new Map(outcomes.map((one) => [one.deviceId, one]))
  expect(by.get('d39')).toMatchObject({ state: 'succeeded', result: 'd39', error: null })
  expect(by.get('d00')).toMatchObject({ state: 'failed', error: { code: 'command_failed' } })
  expect(by.get('nobody')).toMatchObject({ state: 'refused', id: null, error: { code: 'device_not_found' } })
  const { items } = await of.hub.commands.list({ batch: summary.batch, limit: 1000 })
  expect(items).toHaveLength(41)
})

test('two that end in the same moment: neither counts as running after its own end', async () => {
  const progress: BulkProgress[] = []
  let answer = () => {}
  const answered = new Promise<void>((resolve) => {
    answer = resolve
  })
  const asked: string[] = []
  const bulk = runBulk(['a', 'b'], 'batch', { onProgress: (one) => progress.push(one) }, async (deviceId) => {
    asked.push(deviceId)
    await answered
    return { deviceId, id: null, state: 'succeeded', result: null, error: null }
  })
  await until('both', () => asked.length === 2)
  answer()
  await bulk
  expect(progress.map(({ done, running }) => ({ done, running }))).toEqual([
    { done: 1, running: 1 },
    { done: 2, running: 0 },
  ])
})

test('by a filter, and ended by a signal', async () => {
  const of = world()
  for (const deviceId of ids) await online(of, deviceId)
  const stop = new AbortController()
  of.onPublish = (message) => {
    const { id } = contentOf(message)
    setTimeout(
      () => void send(of, message.topic.split('/')[2] as string, 'response', { id, status: 'succeeded' }),
    )
  }
  const options = {
    concurrency: 1,
    signal: stop.signal,
    onProgress: ({ done }: BulkProgress) => {
      if (done === 3) stop.abort()
    },
  }
  const summary = await of.hub.commands.sendMany(
    Station,
    { filter: { search: 'd1' } },
    'reboot',
    undefined,
    options,
  )
  expect(summary).toMatchObject({ done: 3, aborted: true, counts: { succeeded: 3 } })
  const all = await of.hub.commands.sendMany(Station, { filter: { search: 'd1' } }, 'reboot')
  expect(all.done).toBe(10)
})

test('what concerns all devices rejects before anything is sent', async () => {
  const of = world()
  await online(of, 'a')
  const target = { deviceIds: ['a'] }
  await expect(
    of.hub.commands.sendMany(Station, target, 'set_interval', { interval: 0 }),
  ).rejects.toMatchObject({ code: 'invalid_payload' })
  for (const options of [{ concurrency: 0 }, { timeout: -1 }])
    await expect(
      of.hub.commands.sendMany(Station, target, 'reboot', undefined, options),
    ).rejects.toMatchObject({
      code: 'invalid_options',
    })
  expect((await of.hub.commands.list()).items).toEqual([])
})

test('invariant 9: a hub that closes ends the waiting, and the ledger goes on', async () => {
  const of = world()
  await online(of, 'a')
  const sent = await of.hub.commands.send(Station, 'a', 'reboot')
  const waiting = expect(sent.result()).rejects.toMatchObject({ code: 'closed' })
  await until('the publication', () => of.published.length === 1)
  await of.hub.close()
  await waiting
})
