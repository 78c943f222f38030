import type { FakeBrokerOptions } from '@devicehub/test-kit'
import { createMqttListener, type MqttListenerOptions } from '../index.js'
import { startFakeBroker } from './fake-broker.js'
import { createHeldHub } from './held-hub.js'

/** A listener at work at a fake broker, and a hub that settles nothing by itself. */
export async function listening(options: MqttListenerOptions = {}, brokerOptions: FakeBrokerOptions = {}) {
  const broker = await startFakeBroker(brokerOptions)
  const hub = createHeldHub()
  const listener = createMqttListener(hub, {
    url: broker.url,
    clientId: 'hub-1',
    reconnect: { min: '20ms', max: '100ms' },
    drainTimeout: '200ms',
    ...options,
  })
  await listener.start()
  return {
    broker,
    hub,
    listener,
    held: hub.held,
    connection: await broker.subscribed('hub-1'),
    async [Symbol.asyncDispose]() {
      await listener.stop()
      await broker[Symbol.asyncDispose]()
    },
  }
}
