import { createFakeBroker, describeWith, freePort, waitUntil } from '@devicehub/test-kit'
import { describe, expect, test } from 'vitest'
import { createMqttListener } from '../index.js'
import { startFakeBroker } from '../testing/fake-broker.js'
import { createHeldHub } from '../testing/held-hub.js'
import { listening } from '../testing/listening.js'

const filtersOf = (subscriptions: readonly { topic: string }[]) => subscriptions.map(({ topic }) => topic)

describe('start', () => {
  test('subscribes to the inbound topics of its types, in no group unless one is configured', async () => {
    await using alone = await listening()
    expect(filtersOf(alone.connection.subscriptions)[0]).toBe('things/station/+/data')
    await using world = await listening({ sharedGroup: 'ingest' })
    expect(filtersOf(world.connection.subscriptions).slice(0, 4)).toEqual(
      ['data', 'status', 'response', 'state'].map((channel) => `$share/ingest/things/station/+/${channel}`),
    )
    expect(world.connection.connect).toMatchObject({ clean: false, clientId: 'hub-1', keepalive: 60 })
  })

  test('is attached to the hub under the name of the broker while it runs', async () => {
    await using broker = await createFakeBroker()
    const hub = createHeldHub()
    const listener = createMqttListener(hub, { name: 'field', url: broker.url })
    await listener.start()
    expect(hub.attached.map(({ name }) => name)).toEqual(['field'])
    await listener.stop()
    expect(hub.attached).toEqual([])
  })

  test('what only it can bring about is refused before it, and not waited for', async () => {
    await using broker = await createFakeBroker()
    await using listener = createMqttListener(createHeldHub(), { url: broker.url, clientId: 'a' })
    const alarms = listener.handle('plant/+/alarm', () => {})
    const first = { code: 'transport_unavailable', message: expect.stringMatching(/call start\(\) first/) }
    await expect(alarms.ready).rejects.toMatchObject(first)
    await expect(listener.publish({ topic: 'a', payload: 'b' })).rejects.toMatchObject(first)
    await listener.start()
    await alarms.ready
    await listener.stop()
    await alarms.ready
    const later = listener.handle('plant/+/meter', () => {})
    await expect(later.ready).rejects.toMatchObject({
      code: 'closed',
      message: expect.stringMatching(/call start\(\) again/),
    })
    await listener.start()
    await later.ready
  })

  test('fails at once when no attempt could succeed', async () => {
    await using broker = await createFakeBroker({ onConnect: () => ({ reasonCode: 0x84, returnCode: 1 }) })
    const listener = createMqttListener(createHeldHub(), { url: broker.url, clientId: 'a' })
    await expect(listener.start()).rejects.toMatchObject({
      code: 'invalid_options',
      message: expect.stringMatching(/does not speak MQTT 5: set protocolVersion to 4/),
    })
  })

  test('a broker without shared subscriptions is told apart from one that brings nothing', async () => {
    const properties = { sharedSubscriptionAvailable: false }
    await using broker = await createFakeBroker({ onConnect: () => ({ properties }) })
    const options = { url: broker.url, clientId: 'a', sharedGroup: 'ingest' }
    const listener = createMqttListener(createHeldHub(), options)
    await expect(listener.start()).rejects.toMatchObject({
      code: 'invalid_options',
      message: expect.stringMatching(/no shared subscriptions: set sharedGroup to false/),
    })
  })

  test('a filter the broker refuses is named; the others are subscribed, and it is tried again', async () => {
    let refusing = true
    const world = startFakeBroker({
      onPacket(packet, connection) {
        if (packet.cmd !== 'subscribe') return false
        const granted = packet.subscriptions.map(({ topic, qos }) =>
          refusing && topic.endsWith('/status') ? 0x87 : qos,
        )
        connection.send({ cmd: 'suback', messageId: packet.messageId as number, granted })
        return true
      },
    })
    await using broker = await world
    const hub = createHeldHub()
    const options = { url: broker.url, clientId: 'a', reconnect: { min: '20ms', max: '50ms' } as const }
    await using impatient = createMqttListener(hub, { ...options, connectTimeout: '300ms' })
    await expect(impatient.start()).rejects.toMatchObject({
      code: 'transport_unavailable',
      message: expect.stringContaining('refuses to subscribe to "things/station/+/status"'),
    })
    await using listener = createMqttListener(hub, { ...options, clientId: 'b' })
    const started = listener.start()
    const connection = await broker.subscribed('b')
    connection.deliver({ messageId: 1, payload: 'already' })
    await waitUntil('a message of the others', () => hub.held.received.length === 1)
    hub.held.settle()
    refusing = false
    await started
    const refused = filtersOf(connection.subscriptions).filter((filter) => filter.endsWith('/status'))
    expect(refused.length).toBeGreaterThan(1)
  })
})

describeWith({ mosquitto: 'own' }, 'start before the broker', ({ mosquitto }) => {
  test('waits for a broker that is not there yet', async () => {
    const port = await freePort()
    const hub = createHeldHub()
    const url = `mqtt://127.0.0.1:${port}`
    await using listener = createMqttListener(hub, {
      url,
      clientId: 'a',
      reconnect: { min: '20ms', max: '50ms' },
    })
    const started = listener.start()
    await waitUntil('a failed attempt', () =>
      hub.log.some(({ message }) => /cannot connect/.test(message ?? '')),
    )
    await using broker = await mosquitto.start({ port, persistence: false })
    await started
    expect(listener.stats().state).toBe('connected')
    expect(broker.port).toBe(port)
  })

  test('gives up after connectTimeout, and can be started again', async () => {
    const port = await freePort()
    const url = `mqtt://127.0.0.1:${port}`
    const hub = createHeldHub()
    await using listener = createMqttListener(hub, { url, clientId: 'a', connectTimeout: '500ms' })
    await expect(listener.start()).rejects.toMatchObject({
      code: 'transport_unavailable',
      message: expect.stringMatching(
        /not connected and subscribed within 500 ms: cannot connect .*ECONNREFUSED/,
      ),
    })
    expect(hub.attached).toEqual([])
    await using broker = await mosquitto.start({ port, persistence: false })
    await waitUntil('a start', () => listener.start().then(() => true))
    expect(broker.port).toBe(port)
  })
})

describe('secrets', () => {
  test('invariant 8: neither password nor token is logged or in an error', async () => {
    const port = await freePort()
    const hub = createHeldHub()
    const listener = createMqttListener(hub, {
      url: `ws://user:hunter2@127.0.0.1:${port}/mqtt?token=hunter2`,
      clientId: 'a',
      connectTimeout: '300ms',
      reconnect: { min: '10ms' },
    })
    const error = await listener.start().catch((cause: unknown) => cause)
    const cause = (error as Error).cause as Error & { cause?: Error }
    const shown = [error, cause, cause.cause].map(
      (each) => `${each}${(each as Error)?.stack}${JSON.stringify(each)}`,
    )
    expect(shown.join()).toContain(`${port}`)
    expect(shown.join() + JSON.stringify(hub.log)).not.toContain('hunter2')
  })
})
