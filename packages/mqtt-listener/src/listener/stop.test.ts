import { createRawClient, describeWith, waitUntil } from '@devicehub/test-kit'
import { describe, expect, test } from 'vitest'
import { createMqttListener } from '../index.js'
import { createHeldHub } from '../testing/held-hub.js'
import { listening } from '../testing/listening.js'

const _filtersOf = (subscriptions: readonly { topic: string }[]) => subscriptions.map(({ topic }) => topic)

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
