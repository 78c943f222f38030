import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { command, type DeviceHubError, defineDeviceType, reading } from '@devicehub/core/definition'
import { describeWith, type ServiceName } from '@devicehub/test-kit'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { createDeviceClient } from './create-device-client.js'
import type { DeviceClientOptions } from './device-client-options.js'
import { type Observer, startObserver } from './testing/observer.js'

const WAIT = { timeout: 60_000, interval: 20 }
const numbers = (count: number) => Array.from({ length: count }, (_, i) => i)

const WeatherStation = defineDeviceType('weather_station', {
  readings: { temperature: reading.float({ unit: '°C', range: [-40, 80] }), rain: reading.boolean() },
  commands: {
    reboot: command(),
    set_interval: command({ payload: z.object({ interval: z.int().positive() }) }),
  },
})

interface Broker {
  readonly url: string
}

let nextId = 0

function connectStation(broker: Broker, options: Partial<DeviceClientOptions> = {}) {
  const client = createDeviceClient(WeatherStation, {
    url: broker.url,
    deviceId: `STATION-${++nextId}`,
    reconnect: { min: '10ms', max: '200ms' },
    ...options,
  })
  const errors: DeviceHubError[] = []
  client.on('error', (error) => errors.push(error))
  const topic = (channel: string) => `things/weatherstation/${client.deviceId}/${channel}`
  return { client, errors, topic }
}

const BROKERS: readonly (readonly [ServiceName & ('mosquitto' | 'hivemq' | 'aedes'), 4 | 5])[] = [
  ['mosquitto', 5],
  ['mosquitto', 4],
  ['hivemq', 5],
  ['hivemq', 4],
  ['aedes', 4],
]

for (const [name, protocolVersion] of BROKERS)
  describeWith([name], `${name}, MQTT ${protocolVersion === 5 ? '5' : '3.1.1'}`, (services) => {
    const broker: Broker = {
      get url() {
        return services[name]().url
      },
    }

    const observe = (deviceId: string): Promise<Observer> =>
      startObserver(broker.url, { filter: `things/+/${deviceId}/+` })

    test('reports online, sends as the wire contract says, and reports offline', async () => {
      const { client } = connectStation(broker, { protocolVersion })
      await using observer = await observe(client.deviceId)
      await client.connect()
      expect(client.state).toBe('connected')
      const timestamp = new Date('2026-05-04T03:02:01Z')
      await client.record({ temperature: 21.5, rain: false }, { timestamp, id: 'one' })
      await client.recordBatch([
        { readings: { temperature: 1 }, timestamp, id: 'two' },
        { readings: { temperature: 2 }, timestamp, id: 'three' },
      ])
      await client.reportStatus({ status: 'maintenance', batteryLevel: 0, firmwareVersion: '2.1.0' })
      await client.close()
      expect(client.state).toBe('closed')
      await expect.poll(() => observer.messages.length, WAIT).toBe(5)
      expect(observer.on('data')).toEqual([
        { temperature: 21.5, rain: false, timestamp: '2026-05-04T03:02:01.000Z', id: 'one' },
        [
          { temperature: 1, timestamp: '2026-05-04T03:02:01.000Z', id: 'two' },
          { temperature: 2, timestamp: '2026-05-04T03:02:01.000Z', id: 'three' },
        ],
      ])
      expect(observer.on('status')).toEqual([
        { status: 'online' },
        { status: 'maintenance', battery_level: 0, firmware_version: '2.1.0' },
        { status: 'offline' },
      ])
      expect(observer.messages.map(({ packet }) => [packet.qos, packet.retain])).toEqual(
        numbers(5).map(() => [1, false]),
      )
    })

    test('executes commands whose payload fits, and reports the others', async () => {
      const { client, errors, topic } = connectStation(broker, { protocolVersion })
      await using observer = await observe(client.deviceId)
      const executed: unknown[] = []
      client.onCommand('set_interval', (payload, { signal, ...command }) =>
        executed.push({ payload, ...command }),
      )
      client.onCommand('reboot', (payload, { signal, ...command }) => executed.push({ payload, ...command }))
      await client.connect()
      const send = (payload: unknown) => observer.publish(topic('cmd'), payload)
      await send({ command: 'set_interval', payload: { interval: -1 }, id: 'bad' })
      await send({
        command: 'set_interval',
        payload: { interval: 60 },
        id: 'good',
        expires_at: '2999-01-01T00:00:00Z',
      })
      await send({ command: 'reboot', payload: {} })
      await expect.poll(() => [executed.length, errors.length], WAIT).toEqual([2, 1])
      expect(executed).toEqual([
        {
          command: 'set_interval',
          payload: { interval: 60 },
          id: 'good',
          expiresAt: new Date('2999-01-01T00:00:00Z'),
        },
        { command: 'reboot', payload: undefined, id: null, expiresAt: null },
      ])
      expect(errors[0]).toMatchObject({
        code: 'invalid_payload',
        details: { command: 'set_interval', id: 'bad' },
      })
      expect(errors[0]?.message).toMatch(/set_interval \(bad\) was not executed: payload\.interval/)
      await client.close()
    })

    test('gets the commands that were sent while it was away', async () => {
      const first = connectStation(broker, { protocolVersion })
      await first.client.connect()
      await first.client.close()
      await using observer = await observe(first.client.deviceId)
      await observer.publish(first.topic('cmd'), { command: 'reboot', id: 'missed' })
      const { client } = connectStation(broker, { protocolVersion, deviceId: first.client.deviceId })
      const executed: unknown[] = []
      client.onCommand('reboot', (_, { id }) => executed.push(id))
      await client.connect()
      await expect.poll(() => executed, WAIT).toEqual(['missed'])
      await client.close()
    })

    test('2,000 publications at once are all delivered, in order', async () => {
      const { client, errors } = connectStation(broker, { protocolVersion })
      await using observer = await observe(client.deviceId)
      await client.connect()
      await Promise.all(numbers(2000).map((temperature) => client.record({ temperature })))
      await expect.poll(() => observer.on('data').length, WAIT).toBe(2000)
      expect(observer.on('data').map(({ temperature }) => temperature)).toEqual(numbers(2000))
      expect(errors).toEqual([])
      expect(client.stats()).toMatchObject({ confirmed: 2000, resent: 0, connections: 1 })
      await client.close()
    })

    test('the broker publishes its will when its process is killed', async () => {
      await using observer = await observe('DOOMED')
      const file = fileURLToPath(new URL('testing/doomed-device.ts', import.meta.url))
      const root = fileURLToPath(new URL('../../..', import.meta.url))
      const child = spawn(process.execPath, ['--import', 'tsx', file, broker.url, String(protocolVersion)], {
        cwd: root,
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      await once(child.stdout, 'data')
      await expect.poll(() => observer.on('status'), WAIT).toEqual([{ status: 'online' }])
      child.kill('SIGKILL')
      await expect
        .poll(() => observer.on('status'), WAIT)
        .toEqual([{ status: 'online' }, { status: 'offline' }])
      expect(observer.messages.at(-1)?.packet.retain).toBe(false)
    })
  })

describeWith(['mosquitto'], 'with the broker', ({ mosquitto }) => {
  test.each([5, 4] as const)(
    'a broker restart in the middle loses nothing (protocol version %i)',
    async (protocolVersion) => {
      await using broker = await mosquitto.start()
      // A session that outlives the restart: what the broker has confirmed, it owes to this one.
      await using observer = await startObserver(broker.url, { clientId: 'observer', clean: false })
      const { client } = connectStation(broker, { protocolVersion })
      await client.connect()
      let confirmed = 0
      const all = Promise.all(
        numbers(3000).map(async (temperature) => {
          await client.record({ temperature })
          confirmed++
        }),
      )
      for (const at of [500, 1500]) {
        await expect.poll(() => confirmed, { ...WAIT, interval: 1 }).toBeGreaterThan(at)
        await broker.shutdown()
        await broker.restart()
      }
      await all
      expect(client.stats()).toMatchObject({ confirmed: 3000, queued: 0, inFlight: 0 })
      expect(client.stats().connections).toBeGreaterThanOrEqual(2)
      await expect
        .poll(() => new Set(observer.on('data').map(({ temperature }) => temperature)).size, WAIT)
        .toBe(3000)
      // Sent twice or not, one sample has one id.
      const ids = observer.on('data').map(({ id }) => id)
      expect(new Set(ids).size).toBe(3000)
      await client.close()
    },
  )

  test('a device that comes back repeats its status, since the will has said offline', async () => {
    await using broker = await mosquitto.start()
    const { client } = connectStation(broker)
    await client.connect()
    await client.reportStatus({ status: 'low_battery', batteryLevel: 4 })
    await using observer = await startObserver(broker.url, { clientId: 'observer', clean: false })
    await broker.shutdown()
    await expect.poll(() => client.state, WAIT).toBe('reconnecting')
    await broker.restart()
    await expect
      .poll(() => observer.on('status'), WAIT)
      .toContainEqual({ status: 'low_battery', battery_level: 4 })
    await client.reportStatus({ status: 'offline' })
    await broker.shutdown()
    await broker.restart()
    await expect
      .poll(() => observer.on('status').at(-1), WAIT)
      .toEqual({ status: 'online', battery_level: 4 })
    await client.close()
  })

  test('connects while the broker is still down, as soon as it is up', async () => {
    await using broker = await mosquitto.start()
    await broker.shutdown()
    const { client, errors } = connectStation(broker)
    const connected = client.connect()
    await expect.poll(() => errors[0]?.code, WAIT).toBe('transport_unavailable')
    expect(client.state).toBe('connecting')
    const recorded = client.record({ temperature: 1 })
    await broker.restart()
    await connected
    await recorded
    await client.close()
  })

  test('an attempt to connect can be given up, and made again', async () => {
    await using broker = await mosquitto.start()
    await broker.shutdown()
    const { client } = connectStation(broker)
    const controller = new AbortController()
    const connected = client.connect({ signal: controller.signal })
    const recorded = client.record({ temperature: 1 })
    controller.abort(new Error('no patience'))
    await expect(connected).rejects.toThrow('no patience')
    await expect(recorded).rejects.toThrow('no patience')
    expect(client.state).toBe('idle')
    await broker.restart()
    await client.connect()
    expect(client.state).toBe('connected')
    await client.close()
  })

  test('wrong credentials are refused at once, and credentials can change', async () => {
    await using broker = await mosquitto.start({ users: { station: 'right' } })
    const wrong = connectStation(broker, { credentials: { username: 'station', password: 'wrong' } })
    await expect(wrong.client.connect()).rejects.toMatchObject({
      code: 'connection_refused',
      message: expect.stringMatching(
        /127\.0\.0\.1.* refused the connection of client id 'weatherstation-.*': (not authorized|bad user name or password).*check the user name/,
      ),
    })
    expect(wrong.client.state).toBe('idle')
    let asked = 0
    const right = connectStation(broker, {
      credentials: async () => {
        asked++
        return { username: 'station', password: 'right' }
      },
    })
    await right.client.connect()
    await broker.shutdown()
    await broker.restart()
    await expect.poll(() => right.client.stats().connections, WAIT).toBe(2)
    expect(asked).toBeGreaterThanOrEqual(2)
    await right.client.close()
  })

  test('WebSocket works as well', async () => {
    await using broker = await mosquitto.start({ websockets: true })
    const { client } = connectStation(broker, { url: broker.websocketUrl as string })
    await client.connect()
    await client.record({ temperature: 1 })
    await client.close()
  })

  test('closing in the middle of a burst sends the rest first', async () => {
    const broker = mosquitto()
    await using observer = await startObserver(broker.url)
    const { client } = connectStation(broker)
    await client.connect()
    const all = Promise.all(numbers(500).map((temperature) => client.record({ temperature })))
    await client.close()
    await all
    await expect.poll(() => observer.on('status').at(-1), WAIT).toEqual({ status: 'offline' })
    expect(observer.on('data')).toHaveLength(500)
    await expect(client.record({ temperature: 1 })).rejects.toMatchObject({ code: 'closed' })
    await expect(client.connect()).rejects.toMatchObject({ code: 'closed' })
  })

  test('await using closes it, and nothing keeps the process alive', async () => {
    const broker = mosquitto()
    await using observer = await startObserver(broker.url)
    {
      await using client = connectStation(broker).client
      await client.connect()
    }
    await expect
      .poll(() => observer.on('status'), WAIT)
      .toEqual([{ status: 'online' }, { status: 'offline' }])
  })
})

describeWith({ mosquitto: 'own', openssl: {} }, 'with a broker that has certificates', ({ mosquitto }) => {
  test('TLS: the broker has to be trusted, and the device can show a certificate', async () => {
    await using broker = await mosquitto.start({ tls: { requireCertificate: true } })
    const { tlsUrl: url = '', certificates } = broker
    const stranger = connectStation(broker, { url })
    await expect(stranger.client.connect()).rejects.toMatchObject({
      code: 'connection_refused',
      message: expect.stringMatching(/is not trusted: .*tls\.ca/),
    })
    const { client } = connectStation(broker, {
      url,
      tls: { ca: certificates?.ca.cert, cert: certificates?.client.cert, key: certificates?.client.key },
    })
    await client.connect()
    await client.record({ temperature: 1 })
    await client.close()
  })
})

describeWith(['hivemq'], 'with a broker that says why it disconnects', ({ hivemq }) => {
  test('two clients with one client id: the error names the cause', async () => {
    const broker = hivemq()
    const first = connectStation(broker, { deviceId: 'SAME', reconnect: { min: '1m' } })
    await first.client.connect()
    const second = connectStation(broker, { deviceId: 'SAME' })
    await second.client.connect()
    await expect
      .poll(() => first.errors[0]?.message, WAIT)
      .toMatch(/another client connected as 'weatherstation-SAME'/)
    expect(first.client.state).toBe('reconnecting')
    await Promise.all([first.client.close(), second.client.close()])
  })
})
