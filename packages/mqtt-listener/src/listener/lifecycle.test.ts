import { createFakeBroker, createRawClient, describeWith, freePort, waitUntil } from '@devicehub/test-kit'
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

describe('reconnecting', () => {
  test('without a group it subscribes again only when the broker has forgotten the session', async () => {
    let forgetting = false
    const onConnect = () => (forgetting ? { sessionPresent: false } : undefined)
    await using world = await listening({}, { onConnect })
    world.connection.cut()
    const second = await world.broker.connection('hub-1', 2)
    second.deliver({ messageId: 1 })
    await waitUntil('a message', () => world.held.received.length === 1)
    world.held.settle()
    await waitUntil('its acknowledgement', () => second.of('puback').length === 1)
    expect(second.of('subscribe')).toEqual([])
    forgetting = true
    second.cut()
    const third = await world.broker.subscribed('hub-1', 3)
    expect(filtersOf(third.subscriptions)).toEqual(
      expect.arrayContaining(filtersOf(world.connection.subscriptions)),
    )
    await waitUntil('the count', () => world.listener.stats().sessionsLost === 1)
    expect(world.listener.stats()).toMatchObject({ reconnects: 2 })
  })

  test('a session that never had a subscription is not lost with its connection', async () => {
    let attempts = 0
    await using broker = await startFakeBroker({
      onConnect: () => ({ sessionPresent: false }),
      onPacket(packet, connection) {
        if (packet.cmd !== 'subscribe' || ++attempts > 3) return false
        connection.cut()
        return true
      },
    })
    await using listener = createMqttListener(createHeldHub(), {
      url: broker.url,
      clientId: 'a',
      reconnect: { min: '1ms', max: '5ms' },
    })
    await listener.start()
    expect(listener.stats()).toMatchObject({ reconnects: 3, sessionsLost: 0 })
    const granted = await broker.subscribed('a', 4)
    granted.cut()
    await broker.subscribed('a', 5)
    await waitUntil('the count', () => listener.stats().sessionsLost === 1)
  })

  test('what the server says when it ends a connection is in the log, the events and the stats', async () => {
    const reasons: string[] = []
    await using world = await listening({
      reconnect: { min: '1m', max: '1m' },
      onDisconnect: ({ reason }) => void reasons.push(reason),
    })
    world.connection.send({
      cmd: 'disconnect',
      reasonCode: 0x9d,
      properties: { reasonString: 'moved\r\nand \u001b[31mgone', serverReference: 'b.example.com' },
    })
    const why =
      'the broker ended the connection: server moved (0x9d), "moved and ?[31mgone"; it refers to the server "b.example.com"'
    await waitUntil('the event', () => reasons.length > 0)
    expect(reasons).toEqual([why])
    await waitUntil('the line', () =>
      world.hub.log.some(({ level, message }) => level === 'error' && message?.startsWith(why)),
    )
    expect(world.listener.stats().lastError).toContain(why)
  })

  test('a connection that the server ends before it grants the subscriptions has its reason', async () => {
    await using broker = await startFakeBroker({
      onPacket(packet, connection) {
        if (packet.cmd !== 'subscribe') return false
        const properties = { reasonString: 'licence exceeded' }
        connection.send({ cmd: 'disconnect', reasonCode: 0x97, properties })
        return true
      },
    })
    const options = { url: broker.url, clientId: 'a', connectTimeout: '300ms' } as const
    await using listener = createMqttListener(createHeldHub(), options)
    await expect(listener.start()).rejects.toMatchObject({
      message: expect.stringContaining('quota exceeded (0x97), "licence exceeded"'),
    })
  })

  test('an idle member of a group subscribes again now and then, a busy one and one without a group do not', async () => {
    await using idle = await listening({ keepAlive: 1, sharedGroup: 'ingest' })
    await using alone = await listening({ keepAlive: 1 })
    // The first, the one that asks again after it, and one for being idle.
    await waitUntil('a further SUBSCRIBE', () => idle.connection.of('subscribe').length >= 3)
    expect(filtersOf(idle.connection.subscriptions).slice(-4)).toEqual(
      filtersOf(idle.connection.subscriptions).slice(0, 4),
    )
    expect(alone.connection.of('subscribe')).toHaveLength(1)
    idle.connection.deliver({ messageId: 1 })
    await waitUntil('the message', () => idle.held.received.length === 1)
    const [before, pings] = [idle.connection.of('subscribe').length, idle.connection.of('pingreq').length]
    await waitUntil('three pings', () => idle.connection.of('pingreq').length >= pings + 3)
    expect(idle.connection.of('subscribe').length).toBeLessThanOrEqual(before + 1)
  })

  test('bytes that are no MQTT end the connection instead of leaving it deaf', async () => {
    await using world = await listening()
    world.connection.write(Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0xff]))
    await world.broker.connection('hub-1', 2)
  })

  test('two processes of one client id do not throw each other out as fast as they can', async () => {
    const taken = { reasonCode: 0x8e }
    await using world = await listening({ reconnect: { min: '1ms', max: '1m' } })
    world.connection.disconnect(taken.reasonCode)
    await waitUntil('the reason in the log', () =>
      world.hub.log.some(({ level, message }) => level === 'error' && /same client id/.test(message ?? '')),
    )
    expect(world.listener.stats().state).toBe('waiting')
    expect(world.broker.all.filter(({ clientId }) => clientId === 'hub-1')).toHaveLength(1)
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

describe('stop', () => {
  test('invariant 9: waits for what is in work, and for the broker to have read its acknowledgement', async () => {
    let answering = true
    await using world = await listening(
      { drainTimeout: '1m', sharedGroup: false },
      { onPacket: ({ cmd }, { clientId }) => !answering && cmd === 'pingreq' && clientId === 'hub-1' },
    )
    const { connection, held, listener } = world
    connection.deliver({ messageId: 1, payload: 'in work' })
    await waitUntil('the message', () => held.received.length === 1)
    answering = false
    const stopped = listener.stop()
    for (let trip = 0; trip < 20; trip++) await connection.roundTrip()
    expect(connection.of('pingreq')).toEqual([])
    held.settle()
    await waitUntil('the PINGREQ', () => connection.of('pingreq').length === 1)
    for (let trip = 0; trip < 20; trip++) await connection.roundTrip()
    expect(connection.of('disconnect')).toEqual([])
    connection.send({ cmd: 'pingresp' })
    await stopped
    const order = connection.received.map(({ cmd }) => cmd)
    expect(order.filter((cmd) => cmd !== 'pubcomp').slice(-3)).toEqual(['puback', 'pingreq', 'disconnect'])
  })

  test('what arrives while it stops is neither stored nor acknowledged', async () => {
    await using world = await listening({ drainTimeout: '1m' })
    const { connection, held, listener } = world
    connection.deliver({ messageId: 1, payload: 'in work' })
    await waitUntil('the message', () => held.received.length === 1)
    const stopped = listener.stop()
    for (const messageId of [2, 3]) connection.deliver({ messageId, payload: 'too late' })
    await waitUntil('the second', () => listener.stats().received === 2)
    held.settle()
    await stopped
    expect(held.received.map(({ text }) => text)).toEqual(['in work'])
    expect(connection.pubacks).toEqual([1])
  })
})

describeWith(['mosquitto'], 'stopping at a broker', ({ mosquitto }) => {
  test('invariant 9: leaves nothing behind: no connection, no timer', async () => {
    const { url, port } = mosquitto()
    const hub = createHeldHub()
    hub.held.settleAtOnce()
    const before = process.getActiveResourcesInfo().length
    const listener = createMqttListener(hub, { url, clientId: 'tidy', sharedGroup: false })
    listener.handle('a/topic', () => {})
    await listener.start()
    const device = await createRawClient({ port })
    await device.publish('things/station/a/data', '{}')
    await waitUntil('the message', () => listener.stats().acknowledged === 1)
    await device.disconnect()
    await listener.stop()
    await waitUntil('everything to be closed', () => process.getActiveResourcesInfo().length <= before)
    expect(listener.stats().state).toBe('idle')
  })

  test('invariant 1: a storage that is away does not keep it for ever, and loses nothing', async () => {
    const { url, port } = mosquitto()
    const hub = createHeldHub()
    const listener = createMqttListener(hub, {
      url,
      clientId: 'away',
      sharedGroup: false,
      drainTimeout: '100ms',
      receiveMaximum: 2,
    })
    await listener.start()
    const device = await createRawClient({ port })
    for (const text of ['a', 'b', 'c']) await device.publish('things/station/a/data', text)
    await waitUntil('a full window', () => hub.held.received.length === 2)
    await listener.stop()
    expect(hub.log.map(({ message }) => message).join()).toMatch(/before every message was stored/)
    const next = createHeldHub()
    next.held.settleAtOnce()
    await using again = createMqttListener(next, { url, clientId: 'away', sharedGroup: false })
    await again.start()
    await waitUntil('all of them', () => next.held.received.length === 3)
    expect(next.held.received.map(({ text }) => text)).toEqual(['a', 'b', 'c'])
    await again.stop({ endSession: true })
    await device.disconnect()
  })
})
