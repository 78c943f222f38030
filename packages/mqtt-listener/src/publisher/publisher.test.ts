import { createRawSubscriber, describeWith, waitUntil } from '@devicehub/test-kit'
import type { IPublishPacket } from 'mqtt-packet'
import { describe, expect, test } from 'vitest'
import { createMqttListener } from '../index.js'
import { createHeldHub } from '../testing/held-hub.js'
import { listening } from '../testing/listening.js'

const publishes = (packets: readonly { cmd: string }[]) =>
  packets.filter((packet): packet is IPublishPacket => packet.cmd === 'publish')

describe('publishing', () => {
  test('never has more unacknowledged than the Receive Maximum of the CONNACK [MQTT-3.3.4-9]', async () => {
    let most = 0
    let open = 0
    await using world = await listening(
      {},
      {
        receiveMaximum: 5,
        onPacket(packet, connection) {
          if (packet.cmd !== 'publish') return false
          most = Math.max(most, ++open)
          setTimeout(() => {
            open--
            connection.send({ cmd: 'puback', messageId: packet.messageId as number, reasonCode: 0 })
          }, 2)
          return true
        },
      },
    )
    await Promise.all(
      Array.from({ length: 200 }, (_, n) => world.listener.publish({ topic: 'a', payload: `${n}` })),
    )
    expect(most).toBe(5)
    expect(world.listener.stats()).toMatchObject({ published: 200, inFlightPublications: 0 })
  })

  test('properties, QoS and retain go out as given; a lifetime is rounded up', async () => {
    await using world = await listening()
    const pub = await world.broker.connection('hub-1-pub')
    await world.listener.publish({
      topic: 'things/station/a/cmd',
      payload: '{}',
      qos: 2,
      retain: true,
      contentType: 'application/json',
      correlationId: 'c-1',
      responseTopic: 'answers',
      userProperties: { command: 'reboot', tag: ['a', 'b'] },
      expiresIn: 1.2,
    })
    const [packet] = publishes(pub.received)
    expect(packet).toMatchObject({ topic: 'things/station/a/cmd', qos: 2, retain: true })
    expect(packet?.properties).toMatchObject({
      contentType: 'application/json',
      correlationData: Buffer.from('c-1'),
      responseTopic: 'answers',
      messageExpiryInterval: 2,
    })
    expect({ ...packet?.properties?.userProperties }).toEqual({ command: 'reboot', tag: ['a', 'b'] })
  })

  test('a PUBACK with reason 0x97 (quota exceeded) means later, not never', async () => {
    const reasonCode = 0x97
    let refusals = 3
    await using world = await listening(
      {},
      {
        onPacket(packet, connection) {
          if (packet.cmd !== 'publish' || refusals === 0) return false
          refusals--
          connection.send({ cmd: 'puback', messageId: packet.messageId as number, reasonCode })
          return true
        },
      },
    )
    await world.listener.publish({ topic: 'a', payload: '' })
    expect(world.listener.stats()).toMatchObject({ published: 1, publishFailed: 0, throttled: 3 })
  })

  test.each([0x93, 0x96, 0x97])('a DISCONNECT with reason %i costs no message', async (reasonCode) => {
    const most: number[] = []
    await using world = await listening(
      { maxInFlightPublications: 64 },
      {
        onPacket(packet, connection) {
          if (packet.cmd !== 'publish') return false
          const open = publishes(connection.received).length
          most[connection.number] = open
          if (open > 20) connection.disconnect(reasonCode)
          else
            setTimeout(
              () => connection.send({ cmd: 'puback', messageId: packet.messageId as number, reasonCode: 0 }),
              50,
            )
          return true
        },
      },
    )
    await Promise.all(
      Array.from({ length: 20 }, (_, n) => world.listener.publish({ topic: 'a', payload: `${n}` })),
    )
    const burst = Array.from({ length: 21 }, (_, n) =>
      world.listener.publish({ topic: 'a', payload: `${n}` }),
    )
    await Promise.all(burst)
    expect(world.listener.stats()).toMatchObject({ published: 41, publishFailed: 0 })
    expect(world.listener.stats().throttled).toBeGreaterThan(0)
  })

  test('a refusal is `publish_failed` with the reason', async () => {
    await using world = await listening(
      {},
      {
        onPacket(packet, connection) {
          if (packet.cmd !== 'publish') return false
          connection.send({ cmd: 'puback', messageId: packet.messageId as number, reasonCode: 0x87 })
          return true
        },
      },
    )
    await expect(world.listener.publish({ topic: 'a', payload: '' })).rejects.toMatchObject({
      code: 'publish_failed',
      message: expect.stringMatching(/Not authorized/),
    })
    expect(world.listener.stats()).toMatchObject({ publishFailed: 1 })
  })

  test.each([
    [{ topic: 'a/+', payload: '' }, 'invalid_topic'],
    [{ topic: '', payload: '' }, 'invalid_topic'],
    [{ topic: 'a\0', payload: '' }, 'invalid_topic'],
    [{ topic: 'a', payload: '', contentType: 'x'.repeat(65_536) }, 'invalid_options'],
    [{ topic: 'a', payload: '', userProperties: { a: 5 as unknown as string } }, 'invalid_options'],
    [{ topic: 'a', payload: '', responseTopic: 'a/#' }, 'invalid_topic'],
    [{ topic: 'a', payload: '', expiresIn: -1 }, 'invalid_options'],
    [{ topic: 'a', payload: '', qos: 3 as 2 }, 'invalid_options'],
    [{ topic: 'a', payload: {} as string }, 'invalid_options'],
    [{ topic: 'a', payload: 'x'.repeat(2_000) }, 'publish_failed'],
    [{ topic: 'a', payload: '', qos: 2 as const }, 'publish_failed'],
    [{ topic: 'a', payload: '', retain: true }, 'publish_failed'],
  ])(
    'what cannot be encoded, or what this broker would not take, costs no connection: %#',
    async (message, code) => {
      const properties = { maximumPacketSize: 1_000, maximumQoS: 1, retainAvailable: false }
      await using world = await listening({}, { onConnect: () => ({ properties }) })
      await expect(world.listener.publish(message)).rejects.toMatchObject({ code })
      await world.listener.publish({ topic: 'a', payload: 'fine' })
      expect(world.broker.all.filter(({ clientId }) => clientId === 'hub-1-pub')).toHaveLength(1)
    },
  )

  test('a message that makes the broker close is given up in the end, and others still go', async () => {
    await using world = await listening(
      { publishTimeout: '1m' },
      {
        onPacket(packet, connection) {
          if (packet.cmd !== 'publish' || packet.topic !== 'poison') return false
          connection.cut()
          return true
        },
      },
    )
    await expect(world.listener.publish({ topic: 'poison', payload: '' })).rejects.toMatchObject({
      code: 'transport_unavailable',
      details: { attempts: 5, outcome: 'unknown' },
    })
    await world.listener.publish({ topic: 'a', payload: 'fine' })
  })

  test('QoS 2 is not sent a second time when its outcome is unknown', async () => {
    const seen: string[] = []
    await using world = await listening(
      {},
      {
        onPacket(packet, connection) {
          if (packet.cmd !== 'publish' || connection.clientId !== 'hub-1-pub') return false
          seen.push(packet.topic)
          if (packet.topic === 'once') connection.cut()
          return packet.topic === 'once'
        },
      },
    )
    await expect(world.listener.publish({ topic: 'once', payload: '', qos: 2 })).rejects.toMatchObject({
      code: 'transport_unavailable',
      details: { outcome: 'unknown' },
    })
    await world.listener.publish({ topic: 'after', payload: '' })
    expect(seen).toEqual(['once', 'after'])
  })

  test('while the broker is away, a message waits for the time allowed; past the bound it is refused at once', async () => {
    let away = false
    await using world = await listening(
      { publishTimeout: '1s', maxPendingPublications: 3 },
      { onConnect: ({ clientId }) => (away && clientId === 'hub-1-pub' ? false : undefined) },
    )
    away = true
    world.broker.cut()
    await waitUntil('the publisher to notice', async () => {
      const error = await world.listener.publish({ topic: 'a', payload: '' }).catch((cause: unknown) => cause)
      return (error as { code?: string } | undefined)?.code === 'transport_unavailable'
    })
    const outcomes = await Promise.allSettled(
      Array.from({ length: 5 }, () => world.listener.publish({ topic: 'a', payload: '' })),
    )
    const messages = outcomes.map((outcome) =>
      outcome.status === 'rejected' ? String(outcome.reason.message) : 'sent',
    )
    expect(
      messages.filter((message) => /not sent to the broker .* within 1000 ms/.test(message)),
    ).toHaveLength(3)
    expect(messages.filter((message) => /3 publications are pending/.test(message))).toHaveLength(2)
  })

  test('before the start there is no transport', async () => {
    const listener = createMqttListener(createHeldHub(), { url: 'mqtt://localhost:1' })
    await expect(listener.publish({ topic: 'a', payload: '' })).rejects.toMatchObject({
      code: 'transport_unavailable',
    })
  })
})

describeWith(['hivemq'], 'publishing to HiveMQ, which grants 10 at once', ({ hivemq }) => {
  test('2,000 at once are all delivered', async () => {
    const { url, port } = hivemq()
    await using subscriber = await createRawSubscriber({ port, topics: 'burst/#' })
    await using listener = createMqttListener(createHeldHub(), {
      url,
      clientId: 'burst',
      publishTimeout: '1m',
    })
    await listener.start()
    await Promise.all(
      Array.from({ length: 2_000 }, (_, n) => listener.publish({ topic: 'burst/a', payload: `${n}` })),
    )
    expect(listener.stats()).toMatchObject({ published: 2_000, publishFailed: 0, throttled: 0 })
    await waitUntil('the messages', () => subscriber.messages.length === 2_000)
  })
})
