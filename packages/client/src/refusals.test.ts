import { createFakeBroker, describeWith } from '@devicehub/test-kit'
import { describe, expect, test } from 'vitest'
import { createDeviceClient } from './create-device-client.js'
import type { DeviceClientOptions } from './device-client-options.js'

const WAIT = { timeout: 60_000 }

function clientFor(url: string, options: Partial<DeviceClientOptions> = {}) {
  const reconnect = { min: '10ms', max: '100ms' } as const
  const client = createDeviceClient({ type: 'station' }, { url, deviceId: 'S-1', reconnect, ...options })
  const errors: string[] = []
  client.on('error', ({ message }) => errors.push(message))
  return { client, errors }
}

describe('a broker that does not let a device in', () => {
  test.each([
    [0x86, /bad user name or password \(0x86\); check the user name/],
    [0x87, /not authorized \(0x87\); check the user name/],
    [0x8a, /banned \(0x8a\); .*lift the ban/],
    [0x84, /unsupported protocol version \(0x84\); try protocolVersion: 4/],
    [0x9d, /server moved \(0x9d\); .*new address/],
  ])('for good, reason code %i: connect() fails at once', async (reasonCode, said) => {
    await using broker = await createFakeBroker({ onConnect: () => ({ reasonCode }) })
    const { client, errors } = clientFor(broker.url)
    await expect(client.connect()).rejects.toMatchObject({
      code: 'connection_refused',
      message: expect.stringMatching(
        new RegExp(`${broker.url} refused the connection of client id 'station-S-1': ${said.source}`),
      ),
    })
    expect(broker.connections).toHaveLength(1)
    expect(errors).toEqual([])
    await client.close()
  })

  test('for good, in its own words: one line, bounded', async () => {
    const properties = { reasonString: `no\r\n${'x'.repeat(500)}`, serverReference: 'b\u001b.example.com' }
    await using broker = await createFakeBroker({ onConnect: () => ({ reasonCode: 0x9d, properties }) })
    const { client } = clientFor(broker.url)
    const words = expect.stringMatching(/^no x+\.\.\.$/)
    await expect(client.connect()).rejects.toMatchObject({
      message: expect.stringMatching(
        /server moved \(0x9d\), "no x+\.\.\."; it refers to the server "b\?\.example\.com"; the broker has moved/,
      ),
      details: { reasonCode: 0x9d, reasonString: words, serverReference: 'b?.example.com' },
    })
    await client.close()
  })

  test('now, in its own words', async () => {
    const properties = { reasonString: 'too many\nof you' }
    await using broker = await createFakeBroker({
      onConnect: (_packet, { number }) => (number < 1 ? { reasonCode: 0x97, properties } : undefined),
    })
    const { client, errors } = clientFor(broker.url)
    await client.connect()
    expect(errors).toEqual([
      expect.stringContaining('cannot be reached: quota exceeded (0x97), "too many of you"'),
    ])
    await client.close()
  })

  test.each([0x88, 0x89, 0x97, 0x9f])(
    'now, reason code %i: tried again and counted, until it does',
    async (reasonCode) => {
      await using broker = await createFakeBroker({
        onConnect: (_packet, { number }) => (number < 3 ? { reasonCode } : undefined),
      })
      const { client } = clientFor(broker.url)
      await client.connect()
      expect(client.stats()).toMatchObject({ failedConnects: 3, connections: 1, sessionsTakenOver: 0 })
      await client.close()
    },
  )

  test.each([
    [5, /without an answer \(CONNACK\); perhaps it does not speak MQTT 5: set protocolVersion to 4/],
    [4, /without an answer \(CONNACK\); perhaps it is a TLS port: use mqtts:\/\/ or wss:\/\/$/],
  ] as const)('and closes the connection without an answer, MQTT %i', async (protocolVersion, said) => {
    await using broker = await createFakeBroker({
      onConnect: (_packet, connection) => {
        connection.cut()
        return false
      },
    })
    const { client, errors } = clientFor(broker.url, { protocolVersion })
    const connected = client.connect()
    connected.catch(() => {})
    await expect.poll(() => errors[0], WAIT).toMatch(said)
    await client.close()
    await expect(connected).rejects.toMatchObject({ code: 'closed' })
  })

  test('mqtts:// at a port without TLS: the error names TLS, and not MQTT 5', async () => {
    await using broker = await createFakeBroker()
    const { client, errors } = clientFor(broker.url.replace('mqtt:', 'mqtts:'))
    const connected = client.connect()
    connected.catch(() => {})
    await expect.poll(() => errors[0], WAIT).toMatch(/perhaps the port speaks no TLS: use mqtt:\/\//)
    await client.close()
  })
})

describeWith(['mosquitto'], 'two devices of one client id on Mosquitto', ({ mosquitto }) => {
  test.each([4, 5] as const)('MQTT %i: both say what it is and count it', async (protocolVersion) => {
    const both = [1, 2].map(() => clientFor(mosquitto().url, { protocolVersion }))
    for (const { client } of both) await client.connect()
    for (const { client, errors } of both) {
      await expect.poll(() => client.stats().sessionsTakenOver, WAIT).toBeGreaterThan(0)
      expect(errors.join('\n')).toMatch(
        /another client (connects under the same client id|connected as 'station-S-1')/,
      )
    }
    await Promise.all(both.map(({ client }) => client.close()))
  })
})
