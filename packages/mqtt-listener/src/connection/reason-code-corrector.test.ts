import { createFakeBroker, waitUntil } from '@devicehub/test-kit'
import fc from 'fast-check'
import type { Packet } from 'mqtt-packet'
import { generate } from 'mqtt-packet'
import { describe, expect, test } from 'vitest'
import { createMqttListener } from '../index.js'
import { createHeldHub } from '../testing/held-hub.js'
import { createReasonCodeCorrector } from './reason-code-corrector.js'

describe('a broker with reason codes of its own', () => {
  async function publishTo(reasonCode: number, qos: 1 | 2) {
    const published: string[] = []
    await using broker = await createFakeBroker({
      onPacket(packet, connection) {
        if (packet.cmd !== 'publish') return false
        published.push(String(packet.payload))
        const id = packet.messageId as number
        // As mochi-mqtt 2.7: the code, and the user property of the publication.
        const property = [0x26, 0, 1, 0x61, 0, 1, 0x62]
        const type = qos === 1 ? 0x40 : 0x50
        connection.write(
          Buffer.from([
            type,
            4 + property.length,
            id >> 8,
            id & 255,
            reasonCode,
            property.length,
            ...property,
          ]),
        )
        return true
      },
    })
    await using listener = createMqttListener(createHeldHub(), {
      url: broker.url,
      reconnect: { min: '10ms' },
    })
    await listener.start()
    const outcomes = await Promise.all(
      ['a', 'b', 'c'].map((payload) =>
        listener.publish({ topic: 'out', payload, qos, userProperties: { a: 'b' } }).then(
          () => 'published',
          ({ code }) => code,
        ),
      ),
    )
    await waitUntil('nothing under way', () => listener.stats().inFlightPublications === 0)
    return { published, outcomes, reconnects: listener.stats().failedConnects, of: broker.connections.length }
  }

  test.each([
    [0x01, 1],
    [0x02, 2],
    [0x7f, 1],
  ] as const)(
    '0x%i, QoS %i, is no error: each message is sent once, on one connection',
    async (code, qos) => {
      expect(await publishTo(code, qos)).toEqual({
        published: ['a', 'b', 'c'],
        outcomes: ['published', 'published', 'published'],
        reconnects: 0,
        of: 2,
      })
    },
  )

  test('an error code that is none of an acknowledgement refuses the message and no other', async () => {
    expect(await publishTo(0x95, 1)).toMatchObject({
      published: ['a', 'b', 'c'],
      outcomes: ['publish_failed', 'publish_failed', 'publish_failed'],
      of: 2,
    })
  })
})

describe('the bytes of a stream', () => {
  const FIVE = { protocolVersion: 5 }
  const odd = (reasonCode: number) => Buffer.from([0x40, 4, 0, 7, reasonCode, 0])
  const packets: readonly Packet[] = [
    { cmd: 'connack', sessionPresent: false, reasonCode: 1, returnCode: 1 },
    { cmd: 'pingresp' },
    { cmd: 'puback', messageId: 0x0102 },
    { cmd: 'puback', messageId: 3, reasonCode: 0x97 },
    { cmd: 'publish', qos: 1, messageId: 9, dup: false, retain: false, topic: 'a', payload: 'x'.repeat(300) },
    { cmd: 'disconnect', reasonCode: 0x8e },
  ]

  test('only odd codes of acknowledgements are changed, however the stream is cut into chunks', () => {
    const whole = packets.map((packet) => generate(packet, FIVE))
    const given = Buffer.concat([...whole, odd(1), ...whole, odd(0x95), ...whole])
    const mended = Buffer.concat([...whole, odd(0), ...whole, odd(0x80), ...whole])
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (sizes) => {
        const mend = createReasonCodeCorrector()
        const bytes = Buffer.from(given)
        for (let at = 0, n = 0; at < bytes.length; n++) {
          const size = sizes[n % sizes.length] as number
          mend(bytes.subarray(at, at + size))
          at += size
        }
        expect(bytes.equals(mended)).toBe(true)
      }),
    )
  })
})
