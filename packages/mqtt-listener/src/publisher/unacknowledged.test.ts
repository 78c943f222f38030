import { createDeviceHub } from '@devicehub/core'
import type { FakeBrokerOptions } from '@devicehub/test-kit'
import { waitUntil } from '@devicehub/test-kit'
import { expect, test } from 'vitest'
import { createMqttListener } from '../index.js'
import { startFakeBroker } from '../testing/fake-broker.js'
import { listening } from '../testing/listening.js'

/** Owes the PUBACK of the first `count` messages on the publisher's first connection of all. */
function owing(count: number, more: FakeBrokerOptions = {}): FakeBrokerOptions {
  let owed = 0
  return {
    ...more,
    onPacket: (packet, { clientId }) =>
      packet.cmd === 'publish' && clientId === 'hub-1-pub' && owed++ < count,
  }
}

test('a message without PUBACK is sent again on a new connection after ackTimeout', async () => {
  await using world = await listening({ ackTimeout: '200ms', publishTimeout: '1m' }, owing(1))
  await world.listener.publish({ topic: 'a', payload: '1' })
  expect(world.listener.stats()).toMatchObject({
    published: 1,
    publishFailed: 0,
    republished: 1,
    publishStalls: 1,
    inFlightPublications: 0,
    lastError: null,
  })
})

test('with a Receive Maximum of 1, one lost PUBACK does not block publishing for good', async () => {
  await using world = await listening(
    { ackTimeout: '300ms', publishTimeout: '100ms' },
    owing(1, { receiveMaximum: 1 }),
  )
  const first = world.listener.publish({ topic: 'a', payload: '1' })
  await expect(first).rejects.toMatchObject({
    code: 'transport_unavailable',
    details: { outcome: 'unknown' },
  })
  await waitUntil('the stall', () => world.listener.stats().publishStalls === 1)
  expect(world.listener.stats().lastError).toMatch(
    /has not acknowledged a message to a within 0\.3 s \(ackTimeout\)/,
  )
  const again = await startPublishing(world.listener.publish)
  await again
  expect(world.listener.stats()).toMatchObject({ lastError: null, inFlightPublications: 0 })
})

/** Until one gets through. */
async function startPublishing(publish: (message: { topic: string; payload: string }) => Promise<void>) {
  for (;;) {
    const sent = await publish({ topic: 'b', payload: '2' }).then(
      () => true,
      () => false,
    )
    if (sent) return
  }
}

test('an outage of PUBACKs is told once, and its end', async () => {
  let answers = false
  await using broker = await startFakeBroker({
    onPacket: (packet, { clientId }) => packet.cmd === 'publish' && clientId === 'hub-1-pub' && !answers,
  })
  const lines: string[] = []
  const note = (_fields: unknown, message?: string) => void lines.push(String(message))
  const hub = createDeviceHub({ types: [], logger: { debug() {}, info() {}, warn: note, error: note } })
  const listener = createMqttListener(hub, {
    url: broker.url,
    clientId: 'hub-1',
    reconnect: { min: '5ms', max: '20ms' },
    ackTimeout: '50ms',
    publishTimeout: '1h',
  })
  await listener.start()
  const sent = listener.publish({ topic: 'a', payload: '' })
  await waitUntil('three stalls', () => listener.stats().publishStalls >= 3)
  answers = true
  await sent
  await hub.close()
  const told = lines.filter((line) => /acknowledge/.test(line))
  expect(told).toEqual([
    expect.stringMatching(
      /^cannot publish: the broker at .* has not acknowledged a message to a within 0\.05 s/,
    ),
    'the broker acknowledges messages again',
  ])
})

test('a SUBSCRIBE without SUBACK ends the connection after ackTimeout', async () => {
  let owed = 1
  await using world = await listening(
    { ackTimeout: '200ms' },
    { onPacket: (packet) => packet.cmd === 'subscribe' && owed-- > 0 },
  )
  expect(world.listener.stats()).toMatchObject({ state: 'connected', failedConnects: 1 })
})
