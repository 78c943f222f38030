import { createFakeBroker, describeWith, waitUntil } from '@devicehub/test-kit'
import { expect, test } from 'vitest'
import { createMqttListener } from '../index.js'
import { createHeldHub } from '../testing/held-hub.js'

const TAKEN_OVER = /another client (connects|connected) under the same client id/

describeWith(['mosquitto'], 'the same client id started twice on Mosquitto', ({ mosquitto }) => {
  test.each([4, 5] as const)('MQTT version %i: both say what it is and count it', async (protocolVersion) => {
    const start = async () => {
      const hub = createHeldHub()
      const listener = createMqttListener(hub, {
        url: mosquitto().url,
        clientId: `twice-${protocolVersion}`,
        protocolVersion,
        reconnect: { min: '20ms', max: '200ms' },
      })
      await listener.start()
      return { hub, listener }
    }
    const both = [await start(), await start()]
    for (const { hub, listener } of both) {
      await waitUntil('the count', () => listener.stats().sessionsTakenOver > 0)
      await waitUntil('the line', () =>
        hub.log.some(({ level, message }) => level === 'error' && TAKEN_OVER.test(message ?? '')),
      )
    }
    await Promise.all(both.map(({ listener }) => listener.stop()))
  })
})

test('a broker that is restarted, or closes with a reason, is not taken for another client', async () => {
  await using broker = await createFakeBroker({
    // Every other attempt fails, as while a broker starts.
    onConnect: (_packet, { clientId }) => {
      const mine = broker.connections.filter((each) => each.clientId === clientId).length
      return mine % 2 === 0 ? { reasonCode: 0x88 } : undefined
    },
  })
  const hub = createHeldHub()
  const reconnect = { min: '1ms', max: '5ms' } as const
  await using listener = createMqttListener(hub, { url: broker.url, clientId: 'a', reconnect })
  await listener.start()
  for (let cut = 1; cut <= 5; cut++) {
    broker.cut()
    await waitUntil('the connection to be back', () => listener.stats().reconnects === cut)
    await waitUntil('it to be ready', () => listener.stats().state === 'connected')
  }
  expect(listener.stats().sessionsTakenOver).toBe(0)
  expect(hub.log.some(({ message }) => TAKEN_OVER.test(message ?? ''))).toBe(false)
})
