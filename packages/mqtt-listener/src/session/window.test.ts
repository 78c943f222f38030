import { createRawClient, describeWith, waitUntil } from '@devicehub/test-kit'
import { describe, expect, test } from 'vitest'
import { createMqttListener } from '../index.js'
import { createHeldHub } from '../testing/held-hub.js'
import { listening } from '../testing/listening.js'

const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

describe('the window', () => {
  test('is announced as the Receive Maximum', async () => {
    await using world = await listening({ receiveMaximum: 123 })
    expect(world.connection.connect.properties).toMatchObject({
      receiveMaximum: 123,
      sessionExpiryInterval: 604_800,
    })
  })

  test('invariant 5: holds against a broker that ignores the Receive Maximum, and nothing is lost', async () => {
    await using world = await listening({ receiveMaximum: 100 })
    const { connection, held, listener } = world
    const total = 16_000
    for (let n = 1; n <= total; n++) connection.deliver({ messageId: n, payload: `${n}` })
    await waitUntil('a full window', () => held.received.length === 100)
    await turns(200)
    expect(held.received).toHaveLength(100)
    expect(listener.stats().inFlight).toBe(100)
    while (held.received.length < total) {
      const before = held.received.length
      held.settle()
      await waitUntil('the next messages', () => held.received.length > before)
    }
    held.settle()
    await waitUntil('the acknowledgements', () => connection.of('puback').length === total)
    expect(connection.of('puback').map(({ messageId }) => messageId)).toEqual(
      Array.from({ length: total }, (_, index) => index + 1),
    )
    expect(held.received.map(({ text }) => Number(text))).toEqual(
      Array.from({ length: total }, (_, index) => index + 1),
    )
    expect(listener.stats().peakInFlight).toBe(100)
    expect(listener.stats().readPauses).toBeGreaterThan(0)
  })

  test('invariant 5: counts what an earlier connection left unsettled, so that an outage cannot multiply it', async () => {
    await using world = await listening({ receiveMaximum: 10 })
    const { broker, held, listener } = world
    for (let nth = 1; nth <= 4; nth++) {
      const connection = await broker.connection('hub-1', nth)
      for (let messageId = 1; messageId <= 10; messageId++) connection.deliver({ messageId, dup: nth > 1 })
      await waitUntil('the window to be full', () => listener.stats().received >= (nth === 1 ? 10 : 9 + nth))
      connection.cut()
    }
    const last = await broker.connection('hub-1', 5)
    last.deliver({ messageId: 1, payload: 'last' })
    await turns(100)
    expect(held.received).toHaveLength(10)
    held.settle()
    await waitUntil('room', () => held.received.at(-1)?.text === 'last')
    held.settle()
    await waitUntil('the acknowledgement', () => last.of('puback').length === 1)
    expect(listener.stats()).toMatchObject({ peakInFlight: 10, inFlight: 0, lateAcks: 10 })
  })

  test('invariant 5: QoS 0 beyond the queue is dropped and counted, and delays nothing else', async () => {
    await using world = await listening({ maxQueuedQos0: 20 })
    const { connection, held, listener } = world
    for (let n = 0; n < 50; n++) connection.deliver({ qos: 0, payload: `${n}` })
    connection.deliver({ messageId: 1, payload: 'after' })
    await waitUntil('the QoS 1 message', () => held.received.at(-1)?.text === 'after')
    expect(held.received).toHaveLength(21)
    expect(listener.stats()).toMatchObject({ droppedQos0: 30, received: 51 })
    const lines = world.hub.log.filter(({ message }) => /QoS 0/.test(message ?? ''))
    expect(lines).toEqual([
      {
        level: 'warn',
        fields: { broker: 'default', url: world.broker.url, clientId: 'hub-1', dropped: 1 },
        message: expect.stringMatching(/dropped 1 QoS 0 messages.*20 wait.*maxQueuedQos0/),
      },
    ])
    held.settle()
    connection.deliver({ qos: 0, payload: 'again' })
    await waitUntil('room', () => held.received.at(-1)?.text === 'again')
  })
})

describe('keepalive', () => {
  test('a full window and a storage that is away do not cost the connection', async () => {
    await using world = await listening({ receiveMaximum: 5, keepAlive: 1 })
    const { broker, connection, held } = world
    for (let messageId = 1; messageId <= 8; messageId++) connection.deliver({ messageId })
    await waitUntil('a full window', () => held.received.length === 5)
    // Each PINGRESP is stuck behind the sixth message.
    await waitUntil('five pings', () => connection.of('pingreq').length >= 5)
    expect(connection.open).toBe(true)
    held.settleAtOnce()
    await waitUntil('the acknowledgements', () => connection.of('puback').length === 8)
    const pings = connection.of('pingreq').length
    await waitUntil('a further ping', () => connection.of('pingreq').length > pings)
    expect(broker.all.filter(({ clientId }) => clientId === 'hub-1')).toHaveLength(1)
  })

  test('a broker that sends and is slow to answer pings is alive', async () => {
    await using world = await listening({ keepAlive: 1 }, { onPacket: ({ cmd }) => cmd === 'pingreq' })
    const { connection, held } = world
    held.settleAtOnce()
    let messageId = 0
    const talk = setInterval(() => connection.deliver({ messageId: ++messageId }), 100)
    await waitUntil('five pings', () => connection.of('pingreq').length >= 5)
    clearInterval(talk)
    expect(connection.open).toBe(true)
  })

  test('a broker that answers nothing is disconnected, and connected to again', async () => {
    let silent = false
    await using world = await listening(
      { keepAlive: 1 },
      { onPacket: (_, { clientId, number }) => silent && clientId === 'hub-1' && number < 2 },
    )
    silent = true
    const second = await world.broker.connection('hub-1', 2)
    expect(second.open).toBe(true)
    expect(world.connection.open).toBe(false)
  })
})

describeWith(['mosquitto'], 'keepalive at a broker that enforces it', ({ mosquitto }) => {
  test('invariant 1: a storage that is away for several keepalives costs neither the connection nor a message', async () => {
    const { url, port } = mosquitto()
    const hub = createHeldHub()
    const options = {
      url,
      clientId: 'enforced',
      sharedGroup: false,
      keepAlive: 1,
      receiveMaximum: 5,
    } as const
    await using listener = createMqttListener(hub, options)
    await listener.start()
    const device = await createRawClient({ port })
    for (let n = 0; n < 20; n++) await device.publish('things/station/a/data', `${n}`)
    await waitUntil('a full window', () => hub.held.received.length === 5)
    // The broker ends those that send nothing for one and a half keepalives: three times over.
    for (let round = 0; round < 3; round++) {
      const silent = await createRawClient({ port, connect: { keepalive: 1 } })
      await silent.closed
    }
    expect(listener.stats()).toMatchObject({ state: 'connected', reconnects: 0, inFlight: 5 })
    hub.held.settleAtOnce()
    await waitUntil('the acknowledgements', () => listener.stats().acknowledged === 20)
    expect(listener.stats()).toMatchObject({ reconnects: 0, redelivered: 0, lateAcks: 0 })
    await listener.stop({ endSession: true })
    await device.disconnect()
  })
})
