import { setImmediate } from 'node:timers/promises'
import { waitUntil } from '@devicehub/test-kit'
import { recordUnhandledRejections } from '@devicehub-internal/support/unhandled-rejections'
import { expect, test } from 'vitest'
import { createMqttListener, type StopOptions } from '../index.js'
import { createHeldHub } from '../testing/held-hub.js'
import { listening } from '../testing/listening.js'

const unhandled = recordUnhandledRejections()

const CLOSED = { code: 'closed', message: 'this listener is closed; create another one' }
const publication = { topic: 'a/b', payload: 'x', qos: 1 } as const

test('close() ends the listener for good: later calls reject with closed', async () => {
  await using world = await listening()
  const { listener } = world
  await listener.close()
  expect(listener.stats().state).toBe('idle')
  await expect(listener.start()).rejects.toMatchObject(CLOSED)
  await expect(listener.publish(publication)).rejects.toMatchObject(CLOSED)
  await expect(listener.endSessionsOf('hub-2')).rejects.toMatchObject(CLOSED)
  expect(() => listener.handle('a/+', () => {})).toThrow(expect.objectContaining(CLOSED))
  await listener.stop()
  await listener.close()
})

test('stop() does not: it can be started again', async () => {
  await using world = await listening()
  await world.listener.stop()
  await world.listener.start()
  expect(world.listener.stats().state).toBe('connected')
})

test('`await using` closes it', async () => {
  await using world = await listening()
  await world.listener[Symbol.asyncDispose]()
  await expect(world.listener.start()).rejects.toMatchObject(CLOSED)
})

test('invariant 9: it waits until what was received is stored and acknowledged; a start meanwhile is refused', async () => {
  await using world = await listening({ drainTimeout: '1m' })
  world.connection.deliver({ messageId: 1, payload: '1' })
  await waitUntil('the message', () => world.held.received.length === 1)
  const done: string[] = []
  const first = world.listener.close().then(() => done.push('first'))
  const second = world.listener.close().then(() => done.push('second'))
  await expect(world.listener.start()).rejects.toMatchObject(CLOSED)
  await setImmediate()
  expect(done).toEqual([])
  world.held.settle()
  await Promise.all([first, second])
  expect(world.listener.stats()).toMatchObject({ acknowledged: 1, inFlight: 0 })
})

test('closed before it was started: `ready` of a handler rejects', async () => {
  const listener = createMqttListener(createHeldHub(), { url: 'mqtt://127.0.0.1:1' })
  const alarms = listener.handle('a/+', () => {})
  await listener.close()
  await expect(alarms.ready).rejects.toMatchObject({ code: 'closed' })
  expect(await unhandled.reasons()).toEqual([])
})

test('its options are checked before anything is closed', async () => {
  await using world = await listening()
  await expect(world.listener.close({ leave: true } as StopOptions)).rejects.toMatchObject({
    code: 'invalid_options',
    message: expect.stringMatching(/^listener\.close: "leave" is not known here; did you mean endSession\?/),
  })
  expect(world.listener.stats().state).toBe('connected')
})
