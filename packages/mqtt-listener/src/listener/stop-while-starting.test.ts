import { freePort } from '@devicehub/test-kit'
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest'
import { createMqttListener, type MqttListenerOptions } from '../index'
import { createLeases } from '../testing/breakable-leases'
import { startFakeBroker } from '../testing/fake-broker'
import { createHeldHub } from '../testing/held-hub'

const unhandled: unknown[] = []
const note = (reason: unknown) => void unhandled.push(reason)
beforeEach(() => {
  unhandled.length = 0
  process.on('unhandledRejection', note)
})
afterEach(() => void process.off('unhandledRejection', note))

/** Node tells of a rejection that nobody handles once the turn is over. */
const turns = async () => {
  for (let n = 0; n < 3; n++) await new Promise((resolve) => setImmediate(resolve))
}

async function starting(options: MqttListenerOptions = {}) {
  const hub = createHeldHub({ leases: createLeases() })
  const url = `mqtt://127.0.0.1:${await freePort()}`
  const listener = createMqttListener(hub, { url, clientId: 'a', ...options })
  return { hub, listener, started: listener.start() }
}

const CLOSED = { code: 'closed', message: expect.stringContaining('was stopped while it started') }
const SLOTS = { group: 'g', max: 1, lease: 600 }

test.each([
  ['no slots', {}],
  ['slots', { clientId: undefined, slots: SLOTS } as object],
  [
    'several brokers',
    {
      url: undefined,
      brokers: { default: { url: 'mqtt://127.0.0.1:1' }, sea: { url: 'mqtt://127.0.0.1:2' } },
    } as object,
  ],
])(
  'stopped while it starts, %s: start rejects with closed, and no rejection is left behind',
  async (_, options) => {
    const { listener, started } = await starting(options)
    await listener.stop()
    await turns()
    expect(unhandled).toEqual([])
    await expect(started).rejects.toMatchObject(CLOSED)
  },
)

test('stopped by its hub while it starts', async () => {
  const { hub, started } = await starting()
  await Promise.all(hub.attached.map((transport) => transport.stop()))
  await turns()
  expect(unhandled).toEqual([])
  await expect(started).rejects.toMatchObject(CLOSED)
})

test('all who started it at once are told, and it can be started again', async () => {
  const { listener, started } = await starting()
  const again = listener.start()
  await listener.stop()
  await turns()
  expect(unhandled).toEqual([])
  await expect(started).rejects.toMatchObject(CLOSED)
  await expect(again).rejects.toMatchObject(CLOSED)
  await using broker = await startFakeBroker()
  await using other = createMqttListener(createHeldHub(), { url: broker.url, clientId: 'a' })
  const first = other.start()
  await other.stop()
  await expect(first).rejects.toMatchObject(CLOSED)
  await other.start()
  expect(other.stats().state).toBe('connected')
})

test('a start that fails for another reason is still told to whoever forgot to look', async () => {
  // Vitest would take it for an error of the test.
  const others = process.rawListeners('unhandledRejection').filter((listener) => listener !== note)
  for (const other of others) process.off('unhandledRejection', other as typeof note)
  onTestFinished(() => {
    for (const other of others) process.on('unhandledRejection', other as typeof note)
  })
  const { started } = await starting({ connectTimeout: 50 })
  await expect.poll(() => unhandled, { timeout: 60_000 }).toMatchObject([{ code: 'transport_unavailable' }])
  await expect(started).rejects.toMatchObject({ code: 'transport_unavailable' })
})
