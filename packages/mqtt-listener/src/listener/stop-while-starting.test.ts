import { freePort } from '@devicehub/test-kit'
import { recordUnhandledRejections } from '@devicehub-internal/support/unhandled-rejections'
import { expect, test } from 'vitest'
import { createMqttListener, type MqttListenerOptions } from '../index.js'
import { createLeases } from '../testing/breakable-leases.js'
import { startFakeBroker } from '../testing/fake-broker.js'
import { createHeldHub } from '../testing/held-hub.js'

const unhandled = recordUnhandledRejections()

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
    expect(await unhandled.reasons()).toEqual([])
    await expect(started).rejects.toMatchObject(CLOSED)
  },
)

test('stopped by its hub while it starts', async () => {
  const { hub, started } = await starting()
  await Promise.all(hub.attached.map((transport) => transport.stop()))
  expect(await unhandled.reasons()).toEqual([])
  await expect(started).rejects.toMatchObject(CLOSED)
})

test('all concurrent starts reject, and it can be started again', async () => {
  const { listener, started } = await starting()
  const again = listener.start()
  await listener.stop()
  expect(await unhandled.reasons()).toEqual([])
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

test('a start that fails for another reason is an unhandled rejection', async () => {
  unhandled.expectSome()
  // Nobody looks at its promise, later neither: Node would warn of a rejection that is handled asynchronously.
  await starting({ connectTimeout: '50ms' })
  await expect
    .poll(() => unhandled.reasons(), { timeout: 60_000 })
    .toMatchObject([{ code: 'transport_unavailable' }])
})
