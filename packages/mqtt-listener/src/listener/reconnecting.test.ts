import { waitUntil } from '@devicehub/test-kit'
import { describe, expect, test } from 'vitest'
import { createMqttListener } from '../index.js'
import { startFakeBroker } from '../testing/fake-broker.js'
import { createHeldHub } from '../testing/held-hub.js'
import { listening } from '../testing/listening.js'

const filtersOf = (subscriptions: readonly { topic: string }[]) => subscriptions.map(({ topic }) => topic)

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
        if (packet.cmd !== 'subscribe' || ![1, 2, 3, 5, 6].includes(++attempts)) return false
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
    // The one it had is lost once, however many connections it takes until there is another.
    await broker.subscribed('a', 7)
    expect(attempts).toBe(7)
    expect(listener.stats()).toMatchObject({ reconnects: 6, sessionsLost: 1 })
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
