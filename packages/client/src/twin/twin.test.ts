import { command, type DeviceHubError, defineDeviceType } from '@devicehub/core/definition'
import { describeWith } from '@devicehub/test-kit'
import { expect, test } from 'vitest'
import { createDeviceClient } from '../create-device-client.js'
import { startCommandWorld } from '../testing/command-world.js'
import { startObserver } from '../testing/observer.js'
import { connectRecorder, Recorder } from '../testing/recorder.js'

const WAIT = { timeout: 60_000, interval: 5 }

test('desired state is handed over as callers have it, and reported as applied, with its version', async () => {
  await using it = await connectRecorder()
  const got: unknown[] = []
  it.client.twin.onDesired((...all) => void got.push(all))
  await it.client.connect()
  expect(it.client.twin.desired).toBeNull()
  it.desire({ mode: 'burst', since: '2026-05-04T03:02:01+02:00', mask: 'Af8=', interval: null }, 4)
  await expect.poll(it.reports, WAIT).toHaveLength(1)
  const desired = {
    mode: 'burst',
    since: new Date('2026-05-04T01:02:01Z'),
    mask: new Uint8Array([1, 255]),
    interval: null,
  }
  expect(got).toEqual([[desired, { version: 4, delta: desired }]])
  expect(it.reports()).toEqual([
    {
      reported: { mode: 'burst', since: '2026-05-04T01:02:01.000Z', mask: 'Af8=', interval: null },
      version: 4,
    },
  ])
  expect(it.packetsOn('state').map(({ qos, retain }) => [qos, retain])).toEqual([[1, false]])
  expect(it.client.twin.desired).toEqual({ version: 4, state: desired })
  expect(it.client.twin.reported).toEqual(desired)
})

test('what the handler returns is reported instead, and the delta is what differs from it', async () => {
  await using it = await connectRecorder()
  const deltas: unknown[] = []
  it.client.twin.onDesired(async (_, { delta }) => {
    deltas.push(delta)
    return { mode: 'burst', interval: 10 }
  })
  await it.client.connect()
  await it.client.twin.report({ extra: { a: 1, b: [2] } })
  it.desire({ mode: 'burst', interval: 5, extra: { b: [2], a: 1 } }, 1)
  await expect.poll(it.reports, WAIT).toHaveLength(2)
  it.desire({ mode: 'burst', interval: 10, extra: { a: 2 } }, 2)
  await expect.poll(it.reports, WAIT).toHaveLength(3)
  expect(deltas).toEqual([{ mode: 'burst', interval: 5 }, { extra: { a: 2 } }])
  expect(it.reports()).toEqual([
    { reported: { extra: { a: 1, b: [2] } } },
    { reported: { mode: 'burst', interval: 10 }, version: 1 },
    { reported: { mode: 'burst', interval: 10 }, version: 2 },
  ])
})

test('a version that is not higher is ignored', async () => {
  await using it = await connectRecorder()
  const versions: number[] = []
  it.client.twin.onDesired((_, { version }) => void versions.push(version))
  await it.client.connect()
  for (const version of [3, 3, 2, 5, 4]) it.desire({ interval: version }, version)
  await expect.poll(() => versions.at(-1), WAIT).toBe(5)
  await it.handled()
  await expect.poll(it.reports, WAIT).toHaveLength(2)
  expect(versions).toEqual([3, 5])
  expect(it.client.twin.desired).toEqual({ version: 5, state: { interval: 5 } })
})

test('versions that arrive while the handler runs wait, and only the newest is handed over', async () => {
  await using it = await connectRecorder()
  const versions: number[] = []
  let open = () => {}
  const passed = new Promise<void>((resolve) => {
    open = resolve
  })
  let running = 0
  it.client.twin.onDesired(async (_, { version }) => {
    versions.push(version)
    expect(++running).toBe(1)
    await passed
    running--
  })
  await it.client.connect()
  for (const version of [1, 2, 3, 4]) it.desire({ interval: version }, version)
  await it.handled()
  expect(versions).toEqual([1])
  open()
  await expect.poll(it.reports, WAIT).toHaveLength(2)
  expect(versions).toEqual([1, 4])
  expect(it.reports().map(({ version }) => version)).toEqual([1, 4])
})

test('a handler that throws acknowledges nothing, and is called again when the version comes again', async () => {
  await using it = await connectRecorder()
  let calls = 0
  it.client.twin.onDesired((desired) => {
    if (++calls <= 2) throw new Error('no room')
    return { interval: desired.interval }
  })
  await it.client.connect()
  it.desire({ interval: 5 }, 1)
  await expect.poll(() => it.errors.length, WAIT).toBe(1)
  expect(it.errors[0]).toMatchObject({
    code: 'handler_failed',
    message: 'the desired state (version 1) was not applied: its handler failed: no room',
    details: { version: 1 },
  })
  await it.handled()
  expect([calls, it.reports()]).toEqual([1, []])
  it.desire({ interval: 6 }, 2)
  await expect.poll(() => it.errors.length, WAIT).toBe(2)
  it.desire({ interval: 6 }, 2)
  await expect.poll(it.reports, WAIT).toEqual([{ reported: { interval: 6 }, version: 2 }])
  it.desire({ interval: 6 }, 2)
  await it.handled()
  expect(calls).toBe(3)
})

test.each([
  ['that does not fit', { interval: 9999 }],
  ['that is no object', 'done'],
])('a result %s is a failure of the handler', async (_, result) => {
  await using it = await connectRecorder()
  it.client.twin.onDesired(() => result as never)
  await it.client.connect()
  it.desire({ interval: 5 }, 1)
  await expect.poll(() => it.errors.map(({ code }) => code), WAIT).toEqual(['handler_failed'])
  expect([it.reports(), it.client.twin.reported]).toEqual([[], {}])
})

test('fields that are unknown or do not fit are reported and left out, the rest counts', async () => {
  await using it = await connectRecorder()
  const got: unknown[] = []
  it.client.twin.onDesired((desired) => void got.push(desired))
  await it.client.connect()
  it.desire({ mode: 'slow', interval: 5, speed: 3, toString: 1, since: 'noon' }, 1)
  await expect.poll(it.reports, WAIT).toEqual([{ reported: { interval: 5 }, version: 1 }])
  expect(got).toEqual([{ interval: 5 }])
  expect(it.errors.map(({ code }) => code)).toEqual(Array(4).fill('invalid_payload'))
  expect(it.errors.map(({ message }) => message).join('\n')).toMatch(
    /left out: mode must be one of continuous, burst\n.*recorder has no state field 'speed'; it has mode, .*\n.*toString.*\n.*since must be/,
  )
})

test.each([
  '{',
  '[]',
  '{"desired":{}}',
  '{"version":1}',
  '{"desired":[],"version":1}',
  '{"desired":{},"version":1.5}',
])('what is no desired state is reported: %s', async (payload) => {
  await using it = await connectRecorder()
  it.client.twin.onDesired(() => {})
  await it.client.connect()
  it.send(payload, { channel: 'desired' })
  await expect.poll(() => it.errors.map(({ code }) => code), WAIT).toEqual(['invalid_payload'])
  expect(it.client.twin.desired).toBeNull()
})

test('an empty payload clears it: the next version may be any, and none counts as applied', async () => {
  await using it = await connectRecorder()
  const versions: number[] = []
  it.client.twin.onDesired((_, { version }) => void versions.push(version))
  await it.client.connect()
  it.desire({ interval: 5 }, 7)
  await expect.poll(it.reports, WAIT).toHaveLength(1)
  it.clear()
  await it.handled()
  expect(it.client.twin.desired).toBeNull()
  await it.client.twin.report({ interval: 6 })
  expect(it.reports()[1]).toEqual({ reported: { interval: 6 } })
  it.desire({ interval: 1 }, 1)
  await expect.poll(it.reports, WAIT).toHaveLength(3)
  expect(versions).toEqual([7, 1])
  expect(it.errors).toEqual([])
})

test('without a handler nothing is reported; one that comes later gets it', async () => {
  await using it = await connectRecorder()
  await it.client.connect()
  it.desire({ interval: 5 }, 1)
  await it.handled()
  expect(it.client.twin.desired).toEqual({ version: 1, state: { interval: 5 } })
  expect(it.reports()).toEqual([])
  const remove = it.client.twin.onDesired(() => {})
  expect(() => it.client.twin.onDesired(() => {})).toThrow(/has a handler already/)
  await expect.poll(it.reports, WAIT).toHaveLength(1)
  remove()
  it.desire({ interval: 6 }, 2)
  await it.handled()
  expect(it.reports()).toHaveLength(1)
})

test('closing lets the handler finish, its report included', async () => {
  await using it = await connectRecorder()
  let open = () => {}
  let called = false
  it.client.twin.onDesired(() => {
    called = true
    return new Promise<void>((resolve) => {
      open = resolve
    })
  })
  await it.client.connect()
  it.desire({ interval: 5 }, 1)
  await expect.poll(() => called, WAIT).toBe(true)
  const closed = it.client.close({ timeout: '1m' })
  await it.handled()
  open()
  await closed
  expect(it.reports()).toEqual([{ reported: { interval: 5 }, version: 1 }])
})

test('what a device does not have it does not subscribe to', async () => {
  const topics = async (type: Parameters<typeof startCommandWorld>[0]) => {
    await using it = await startCommandWorld(type)
    await it.client.connect()
    return it.broker.packets.flatMap((packet) =>
      packet.cmd === 'subscribe' ? packet.subscriptions.map(({ topic }) => topic.split('/').at(-1)) : [],
    )
  }
  expect(await topics(Recorder)).toEqual(['desired'])
  expect(await topics(defineDeviceType('bare'))).toEqual([])
  expect(await topics(defineDeviceType('valve', { commands: { open: command() } }))).toEqual(['cmd'])
})

describeWith({ mosquitto: 'own' }, 'with mosquitto', ({ mosquitto }) => {
  test.each([5, 4] as const)(
    'a device that was away finds the newest desired state, also without a type (protocol version %i)',
    async (protocolVersion) => {
      await using broker = await mosquitto.start()
      await using observer = await startObserver(broker.url, { filter: 'things/+/+/state' })
      const desire = (desired: unknown, version: number) =>
        observer.publish('things/recorder/R-1/desired', { desired, version }, { retain: true })
      await desire({ interval: 1 }, 1)
      await desire({ interval: 2, any: { thing: 1 } }, 2)
      const errors: DeviceHubError[] = []
      const client = createDeviceClient(
        { type: 'recorder' },
        { url: broker.url, deviceId: 'R-1', protocolVersion, reconnect: { min: '10ms', max: '100ms' } },
      )
      client.on('error', (error) => errors.push(error))
      const versions: number[] = []
      client.twin.onDesired((_, { version }) => void versions.push(version))
      await client.connect()
      await expect
        .poll(() => observer.on('state'), WAIT)
        .toEqual([{ reported: { interval: 2, any: { thing: 1 } }, version: 2 }])
      await broker.shutdown()
      await broker.restart()
      await expect.poll(() => client.stats().connections, WAIT).toBeGreaterThan(1)
      await desire({ interval: 3 }, 3)
      await expect.poll(() => versions, WAIT).toEqual([2, 3])
      await client.close()
      expect(errors.filter(({ code }) => code !== 'transport_unavailable')).toEqual([])
    },
  )
})
