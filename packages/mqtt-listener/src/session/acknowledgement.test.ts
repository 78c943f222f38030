import { waitUntil } from '@devicehub/test-kit'
import type { Packet } from 'mqtt-packet'
import { describe, expect, test } from 'vitest'
import { createMqttListener } from '../index.js'
import { startFakeBroker } from '../testing/fake-broker.js'
import { createHeldHub } from '../testing/held-hub.js'
import { listening } from '../testing/listening.js'

const failed = { status: 'failed', error: new Error('the hub closed') } as const

const acks = (packets: readonly Packet[]) =>
  packets
    .filter(({ cmd }) => cmd === 'puback' || cmd === 'pubrec')
    .map(({ cmd, messageId }) => `${cmd} ${messageId}`)

describe('what this package needs of mqtt.js (an upgrade that changes it fails here)', () => {
  test.each([
    [4, 1, 'puback'],
    [4, 2, 'pubrec'],
    [5, 1, 'puback'],
    [5, 2, 'pubrec'],
  ] as const)(
    'version %i, QoS %i: an error in the callback of handleMessage means no %s, and the next packet is read',
    async (protocolVersion, qos, ack) => {
      await using world = await listening({ protocolVersion })
      const { connection, held } = world
      for (const messageId of [1, 2, 3]) connection.deliver({ messageId, qos, payload: `m${messageId}` })
      await waitUntil('the messages', () => held.received.length === 3)
      // A PUBLISH of QoS 2 that has not been answered is answered before this PINGREQ, if at all.
      await connection.roundTrip()
      expect(acks(connection.received)).toEqual([])
      held.settle()
      await waitUntil('the acknowledgements', () => acks(connection.received).length === 3)
      expect(acks(connection.received)).toEqual([`${ack} 1`, `${ack} 2`, `${ack} 3`])
    },
  )

  test('QoS 2: the PUBREL after a deferred PUBREC is answered, and the message comes in once', async () => {
    await using world = await listening()
    const { connection, held } = world
    connection.deliver({ messageId: 1, qos: 2, payload: 'once' })
    await waitUntil('the message', () => held.received.length === 1)
    held.settle()
    await waitUntil('the PUBREC', () => connection.of('pubrec').length === 1)
    connection.send({ cmd: 'pubrel', messageId: 1 })
    await waitUntil('the PUBCOMP', () => connection.of('pubcomp').length === 1)
    connection.deliver({ messageId: 2, payload: 'marker' })
    await waitUntil('the marker', () => held.received.at(-1)?.text === 'marker')
    expect(held.received.map(({ text, message }) => [text, message.qos])).toEqual([
      ['once', 2],
      ['marker', 1],
    ])
  })

  test('messages that follow the CONNACK in the same read are not lost', async () => {
    await using broker = await startFakeBroker({
      onConnect({ clientId }, connection) {
        if (clientId !== 'hub-1') return undefined
        const stored = Array.from({ length: 50 }, (_, index) => index + 1)
        connection.send(
          { cmd: 'connack', returnCode: 0, reasonCode: 0, sessionPresent: true },
          ...stored.map((messageId) => ({
            cmd: 'publish' as const,
            topic: 'things/station/a/data',
            payload: '',
            qos: 1 as const,
            dup: false,
            retain: false,
            messageId,
          })),
        )
        return false
      },
    })
    const hub = createHeldHub()
    await using listener = createMqttListener(hub, { url: broker.url, clientId: 'hub-1', drainTimeout: 0 })
    await listener.start()
    const connection = await broker.connection('hub-1')
    await waitUntil('the stored messages', () => hub.held.received.length === 50)
    expect(acks(connection.received)).toEqual([])
  })
})

describe('acknowledgements', () => {
  test('invariant 1: go out in the order received, whatever the order of the commits [MQTT-4.6.0-2]', async () => {
    await using world = await listening()
    const { connection, held } = world
    const ids = [5, 300, 2, 65_535, 1]
    for (const messageId of ids) connection.deliver({ messageId, payload: `m${messageId}` })
    await waitUntil('the messages', () => held.received.length === ids.length)
    for (const id of [1, 65_535, 2, 300]) held.settle(`m${id}`)
    await connection.roundTrip()
    expect(acks(connection.received)).toEqual([])
    held.settle('m5')
    await waitUntil('the acknowledgements', () => acks(connection.received).length === ids.length)
    expect(acks(connection.received)).toEqual(ids.map((id) => `puback ${id}`))
    expect(world.listener.stats()).toMatchObject({ received: 5, acknowledged: 5, inFlight: 0 })
  })

  test('invariant 1: a commit after a reconnect acknowledges nothing on the new connection', async () => {
    await using world = await listening({}, { onConnect: () => ({ sessionPresent: false }) })
    const { broker, connection, held, listener } = world
    connection.deliver({ messageId: 1, payload: 'old' })
    await waitUntil('the message', () => held.received.length === 1)
    connection.cut()
    // A new session: packet id 1 is another message now.
    const second = await broker.subscribed('hub-1', 2)
    second.deliver({ messageId: 1, payload: 'new' })
    await waitUntil('the new message', () => held.received.length === 2)
    held.settle('old')
    await waitUntil('the stale one to be counted', () => listener.stats().lateAcks === 1)
    await second.roundTrip()
    expect(acks(second.received)).toEqual([])
    held.settle('new')
    await waitUntil('the acknowledgement', () => acks(second.received).length === 1)
    expect(listener.stats()).toMatchObject({ reconnects: 1, sessionsLost: 1, acknowledged: 1, inFlight: 0 })
  })

  test('a copy sent again on the same connection is stored once and acknowledged once', async () => {
    await using world = await listening()
    const { connection, held, listener } = world
    connection.deliver({ messageId: 7, payload: 'a' })
    connection.deliver({ messageId: 7, payload: 'a', dup: true })
    connection.deliver({ messageId: 8, payload: 'b' })
    await waitUntil('the messages', () => held.received.length === 2)
    held.settle()
    await waitUntil('the acknowledgements', () => acks(connection.received).length === 2)
    expect(held.received.map(({ text }) => text)).toEqual(['a', 'b'])
    expect(acks(connection.received)).toEqual(['puback 7', 'puback 8'])
    expect(listener.stats()).toMatchObject({ received: 3, redelivered: 1 })
  })

  test('invariant 1: of two messages with one packet id, the later one is not acknowledged by the earlier', async () => {
    await using world = await listening()
    const { connection, held } = world
    connection.deliver({ messageId: 7, payload: 'given up' })
    connection.deliver({ messageId: 7, payload: 'new' })
    await waitUntil('the messages', () => held.received.length === 2)
    held.settle('given up')
    await connection.roundTrip()
    expect(acks(connection.received)).toEqual([])
    held.settle('new')
    await waitUntil('the acknowledgement', () => acks(connection.received).length > 0)
    expect(acks(connection.received)).toEqual(['puback 7'])
  })

  test('invariant 1: a message the hub could not store ends the connection, so that it is sent again', async () => {
    await using world = await listening()
    const { broker, connection, held, listener } = world
    for (const messageId of [1, 2, 3]) connection.deliver({ messageId, payload: `m${messageId}` })
    await waitUntil('the messages', () => held.received.length === 3)
    held.settle('m1')
    held.settle('m2', failed)
    held.settle('m3')
    const second = await broker.connection('hub-1', 2)
    expect(acks(connection.received)).toEqual(['puback 1'])
    expect(acks(second.received)).toEqual([])
    expect(listener.stats()).toMatchObject({ failed: 1, inFlight: 0 })
  })
})
