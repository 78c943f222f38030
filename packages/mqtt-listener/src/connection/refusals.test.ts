import { type AddressInfo, createServer } from 'node:net'
import { createFakeBroker, describeWith, type FakeBroker, waitUntil } from '@devicehub/test-kit'
import { describe, expect, test } from 'vitest'
import { createMqttListener, type MqttListenerOptions } from '../index.js'
import { startFakeBroker } from '../testing/fake-broker.js'
import { createHeldHub } from '../testing/held-hub.js'

const LOGIN = { clientId: 'ingest-1', username: 'hub', password: 'hunter2' }

describe('a refusal that does not pass', () => {
  test.each([
    [5, 0x86, 'bad user name or password \\(0x86\\); check the user name and the password'],
    [5, 0x87, 'not authorized \\(0x87\\); check the user name and the password, and whether'],
    [5, 0x8a, 'banned \\(0x8a\\); .*lift the ban'],
    [5, 0x8c, 'bad authentication method'],
    [5, 0x85, 'client id not valid \\(0x85\\); the broker wants another clientId'],
    [5, 0x9d, 'server moved \\(0x9d\\); .*set `url` to its new address'],
    [4, 4, 'bad user name or password \\(0x04\\)'],
    [4, 5, 'not authorized \\(0x05\\)'],
  ] as const)(
    'MQTT version %i, code %i: start() fails at once, with host, name and remedy',
    async (...row) => {
      const [protocolVersion, code, said] = row
      await using broker = await createFakeBroker({
        onConnect: () => ({ reasonCode: code, returnCode: code }),
      })
      const hub = createHeldHub()
      const listener = createMqttListener(hub, { url: broker.url, ...LOGIN, protocolVersion })
      await expect(listener.start()).rejects.toMatchObject({
        code: 'connection_refused',
        message: expect.stringMatching(
          new RegExp(
            `${broker.url} refused the connection \\(user "hub", client id "ingest-1.*"\\): ${said}`,
          ),
        ),
      })
      expect(JSON.stringify(hub.log)).not.toContain('trying again')
      expect(JSON.stringify(hub.log)).not.toContain('hunter2')
    },
  )

  test.each([
    [
      0x9d,
      /: server moved \(0x9d\), "no x+\.\.\."; it refers to the server "b\?\.example\.com"; the broker has moved/,
    ],
    [0x84, /does not speak MQTT 5: set protocolVersion to 4 \(it says "no x+\.\.\."\)$/],
  ])('code %i: what the broker says is told, on one line and bounded', async (reasonCode, said) => {
    const properties = { reasonString: `no\r\n${'x'.repeat(5_000)}`, serverReference: 'b\u001b.example.com' }
    await using broker = await createFakeBroker({ onConnect: () => ({ reasonCode, properties }) })
    const listener = createMqttListener(createHeldHub(), { url: broker.url, ...LOGIN })
    const error = await listener.start().catch((error) => error)
    expect(error.message).toMatch(said)
    expect(error.message.length).toBeLessThan(600)
  })

  test('of a listener that runs: it logs the error, waits for the longest delay, and reconnects when it is fixed', async () => {
    let refusing = false
    await using broker = await startFakeBroker({
      onConnect: () => (refusing ? { reasonCode: 0x87 } : undefined),
    })
    const hub = createHeldHub()
    const reconnect = { min: '10ms', max: '400ms', jitter: 0 } as const
    await using listener = createMqttListener(hub, { url: broker.url, ...LOGIN, reconnect })
    await listener.start()
    refusing = true
    broker.cut()
    await waitUntil('the refusal', () => listener.stats().state === 'refused')
    const stats = listener.stats()
    expect(stats.lastError).toMatch(/refused the connection .*not authorized/)
    const refused = performance.now()
    refusing = false
    await waitUntil('the connection', () => listener.stats().state === 'connected')
    expect(performance.now() - refused).toBeGreaterThan(300)
    expect(listener.stats().lastError).toBe(null)
    expect(hub.log.map(({ message }) => message).join()).toMatch(
      /check the user name.*Retrying cannot help until this is corrected; the next attempt is within 0\.4 s/,
    )
  })
})

describe('what passes is tried again with growing pauses, and shows in the figures', () => {
  test.each([
    ['server unavailable', 0x88],
    ['server busy', 0x89],
    ['quota exceeded', 0x97],
    ['connection rate exceeded', 0x9f],
  ] as const)('%s', async (said, reasonCode) => {
    const attempts: number[] = []
    await using broker = await createFakeBroker({
      onConnect: ({ clientId }) => {
        if (clientId !== LOGIN.clientId) return undefined
        attempts.push(performance.now())
        return attempts.length <= 4 ? { reasonCode } : undefined
      },
    })
    const hub = createHeldHub()
    const reconnect = { min: '20ms', max: '1s', jitter: 0 } as const
    await using listener = createMqttListener(hub, { url: broker.url, ...LOGIN, reconnect })
    const started = listener.start()
    await waitUntil('a refusal', () => listener.stats().failedConnects > 0)
    expect(listener.stats().lastError).toMatch(new RegExp(`${said} \\(0x`))
    await started
    expect(listener.stats()).toMatchObject({ state: 'connected', failedConnects: 4, lastError: null })
    const pauses = attempts.slice(1).map((at, n) => at - (attempts[n] as number))
    // Timers are never early by more than a millisecond.
    for (const [n, pause] of [20, 40, 80, 160].entries()) expect(pauses[n]).toBeGreaterThan(pause - 2)
    expect(hub.log.some(({ message }) => message?.endsWith('trying again'))).toBe(true)
  })
})

describe('a broker that closes the connection instead of answering', () => {
  const startSilent = () =>
    createFakeBroker({
      onConnect: (_packet, connection) => {
        connection.cut()
        return false
      },
    })
  const messageOf = async ({ url }: Pick<FakeBroker, 'url'>, options: MqttListenerOptions) => {
    const listener = createMqttListener(createHeldHub(), { url, ...options, connectTimeout: '300ms' })
    return listener.start().then(
      () => 'started',
      ({ code, message }) => `${code}: ${message}`,
    )
  }

  test('MQTT 5 may be the reason, and the error says what to set', async () => {
    await using broker = await startSilent()
    expect(await messageOf(broker, {})).toMatch(
      /^transport_unavailable: .*closed the connection without an answer \(CONNACK\); perhaps it does not speak MQTT 5: set protocolVersion to 4/,
    )
    expect(await messageOf(broker, { protocolVersion: 4 })).toMatch(
      /without an answer \(CONNACK\); perhaps it is a TLS port: use mqtts:\/\/ or wss:\/\/$/,
    )
  })

  test('mqtts:// at a port without TLS, and mqtt:// at one with it, are told apart from MQTT 5', async () => {
    await using plain = await createFakeBroker()
    const secure = await messageOf({ url: plain.url.replace('mqtt:', 'mqtts:') }, {})
    expect(secure).toMatch(/perhaps the port speaks no TLS: use mqtt:\/\//)
    const server = createServer((socket) => {
      socket.on('error', () => {})
      // The alert of a TLS server for bytes that are no handshake: protocol version.
      socket.once('data', () => socket.end(Buffer.from([0x15, 3, 1, 0, 2, 2, 70])))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    expect(await messageOf({ url: `mqtt://127.0.0.1:${port}` }, {})).toMatch(
      /perhaps .*it is a TLS port: use mqtts:\/\//,
    )
    await new Promise((resolve) => server.close(resolve))
  })

  describeWith(['rabbitmq'], 'RabbitMQ', ({ rabbitmq }) => {
    test('closes an MQTT 5 connection, and takes MQTT 3.1.1', async () => {
      expect(await messageOf(rabbitmq(), {})).toMatch(/set protocolVersion to 4 for MQTT 3\.1\.1/)
      await using listener = createMqttListener(createHeldHub(), { url: rabbitmq().url, protocolVersion: 4 })
      await listener.start()
      await listener.stop({ endSession: true })
    })
  })
})
