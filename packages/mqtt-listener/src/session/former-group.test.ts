import { createFakeBroker, createRawClient, describeWith, waitUntil } from '@devicehub/test-kit'
import { expect, test } from 'vitest'
import { createMqttListener } from '../index.js'
import { createHeldHub } from '../testing/held-hub.js'

describeWith(['mosquitto'], 'a session that version 0.1 left in the group "devicehub"', ({ mosquitto }) => {
  test('leaves the group: nothing comes twice', async () => {
    const { port, url } = mosquitto()
    const kept = { clientId: 'hub-1', clean: false, properties: { sessionExpiryInterval: 60 } }
    const former = await createRawClient({ port, connect: kept })
    await former.subscribe('$share/devicehub/things/station/+/data')
    await former.disconnect()

    const hub = createHeldHub()
    hub.held.settleAtOnce()
    await using listener = createMqttListener(hub, { url, clientId: 'hub-1' })
    await listener.start()
    const device = await createRawClient({ port })
    // In the order they were sent: when the second is there, each copy of the first is.
    await waitUntil('one copy of a message', async () => {
      const before = hub.held.received.length
      await device.publish('things/station/a/data', 'x')
      await device.publish('things/station/a/status', 'end')
      await waitUntil('the second', () => hub.held.received.slice(before).some(({ text }) => text === 'end'))
      return hub.held.received.length === before + 2
    })
    await device.disconnect()
    await listener.stop({ endSession: true })
  })
})

test('a fresh session has no group to leave', async () => {
  await using broker = await createFakeBroker()
  await using listener = createMqttListener(createHeldHub(), { url: broker.url, clientId: 'hub-1' })
  await listener.start()
  await listener.stop()
  const packets = broker.connections.flatMap(({ received }) => received.map(({ cmd }) => cmd))
  expect(packets).toContain('subscribe')
  expect(packets).not.toContain('unsubscribe')
})
