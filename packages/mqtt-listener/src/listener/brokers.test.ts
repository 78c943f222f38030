import { createDeviceHub, defineDeviceType, reading, silentLogger } from '@devicehub/core'
import type { OutboundMessage } from '@devicehub/core/transport'
import { createRawClient, describeWith, startAedes, waitUntil } from '@devicehub/test-kit'
import { expect, test } from 'vitest'
import { createMqttListener, type MqttListenerOptions } from '../index.js'
import { createHeldHub } from '../testing/held-hub.js'
import { Station } from '../testing/station.js'

/** A message to the listener and one back, over whatever the options say. */
async function roundTrip(port: number, options: MqttListenerOptions) {
  const hub = createHeldHub()
  hub.held.settleAtOnce()
  await using listener = createMqttListener(hub, { clientId: 'round-trip', ...options })
  await listener.start()
  const device = await createRawClient({ port, protocolVersion: 4 })
  await device.publish('things/station/a/data', '{}')
  await waitUntil('the acknowledgement', () => listener.stats().acknowledged === 1)
  await listener.publish({ topic: 'things/station/a/cmd', payload: '{}' })
  expect(hub.held.received).toHaveLength(1)
  await device.disconnect()
  await listener.stop({ endSession: true })
}

describeWith({ mosquitto: 'own', openssl: {} }, 'ways to a broker over TLS', ({ mosquitto, openssl }) => {
  test('TLS with a private authority; without it the connection is refused, with the reason', async () => {
    await using broker = await mosquitto.start({ tls: true, persistence: false })
    const url = broker.tlsUrl as string
    await roundTrip(broker.port, { url, ca: broker.certificates?.ca.cert as string })
    const listener = createMqttListener(createHeldHub(), { url, clientId: 'a' })
    await expect(listener.start()).rejects.toMatchObject({
      code: 'connection_refused',
      message: expect.stringMatching(/is not trusted: .*certificate.*as `ca`/),
    })
  })

  test('mutual TLS', async () => {
    const certificates = await openssl.createCertificates()
    await using broker = await mosquitto.start({
      tls: { certificates, requireCertificate: true },
      persistence: false,
    })
    const { ca, client } = certificates
    const options = { url: broker.tlsUrl as string, ca: ca.cert }
    await roundTrip(broker.port, { ...options, cert: client.cert, key: client.key })
    const listener = createMqttListener(createHeldHub(), {
      ...options,
      clientId: 'a',
      connectTimeout: '500ms',
    })
    await expect(listener.start()).rejects.toMatchObject({ code: 'transport_unavailable' })
  })

  test('a certificate that cannot be read is an error of start(), not of the process', async () => {
    const NO_PEM = '-----BEGIN CERTIFICATE-----\nof no use\n-----END CERTIFICATE-----\n'
    const listener = createMqttListener(createHeldHub(), {
      url: 'mqtts://127.0.0.1:1',
      clientId: 'a',
      ca: NO_PEM,
      cert: NO_PEM,
      key: NO_PEM,
      connectTimeout: '300ms',
    })
    await expect(listener.start()).rejects.toMatchObject({ code: 'transport_unavailable' })
  })
})

describeWith({ mosquitto: 'own' }, 'ways to a broker', ({ mosquitto }) => {
  test.each([4, 5] as const)('WebSocket, protocol version %i', async (protocolVersion) => {
    await using broker = await mosquitto.start({ websockets: true, persistence: false })
    await roundTrip(broker.port, { url: broker.websocketUrl as string, protocolVersion })
  })

  test('MQTT 3.1.1, shared where the broker can', async () => {
    await using broker = await mosquitto.start({ persistence: false })
    await roundTrip(broker.port, { url: broker.url, protocolVersion: 4, sharedGroup: 'group' })
  })

  test('Aedes: MQTT 3.1.1 and no shared groups', async () => {
    await using broker = await startAedes()
    await roundTrip(broker.port, { url: broker.url, protocolVersion: 4 })
    const listener = createMqttListener(createHeldHub(), {
      url: broker.url,
      clientId: 'a',
      connectTimeout: '500ms',
    })
    await expect(listener.start()).rejects.toMatchObject({ name: 'DeviceHubError' })
  })

  test('user name and password', async () => {
    await using broker = await mosquitto.start({ users: { hub: 'hunter2' }, persistence: false })
    await using listener = createMqttListener(createHeldHub(), {
      url: broker.url.replace('mqtt://', 'mqtt://hub:hunter2@'),
      clientId: 'a',
    })
    await listener.start()
    const intruder = createMqttListener(createHeldHub(), {
      url: broker.url,
      clientId: 'b',
    })
    await expect(intruder.start()).rejects.toMatchObject({
      code: 'connection_refused',
      message: expect.stringMatching(
        /broker at mqtt:\/\/127\.0\.0\.1:\d+ refused the connection \(no user name, client id "b.*"\): not authorized.*check the user name/,
      ),
    })
  })
})

describeWith(['mosquitto'], 'several brokers', ({ mosquitto }) => {
  test('a type is listened to at its own broker, and found by its name', async () => {
    const Buoy = defineDeviceType('buoy', { readings: { depth: reading.float() }, broker: 'sea' })
    await using sea = await mosquitto.start({ persistence: false })
    const hub = createHeldHub({ types: [Station, Buoy] })
    hub.held.settleAtOnce()
    await using listener = createMqttListener(hub, {
      clientId: 'both',
      sharedGroup: false,
      brokers: { default: { url: mosquitto().url }, sea: { url: sea.url } },
    })
    await listener.start()
    const [onLand, atSea] = await Promise.all([
      createRawClient({ port: mosquitto().port }),
      createRawClient({ port: sea.port }),
    ])
    await onLand.publish('things/buoy/a/data', 'wrong broker')
    await atSea.publish('things/station/a/data', 'wrong broker')
    await onLand.publish('things/station/a/data', 'land')
    await atSea.publish('things/buoy/a/data', 'sea')
    await waitUntil('both', () => hub.held.received.length === 2)
    expect(hub.held.received.map(({ text, message }) => [text, message.source]).toSorted()).toEqual([
      ['land', 'mqtt:default'],
      ['sea', 'mqtt:sea'],
    ])
    expect(hub.attached.map(({ name }) => name)).toEqual(['default', 'sea'])
    await atSea.subscribe('out')
    await listener.publish({ topic: 'out', payload: 'x' }, 'sea')
    await waitUntil('the publication', () => atSea.received.some(({ cmd }) => cmd === 'publish'))
    await expect(listener.publish({ topic: 'out', payload: 'x' }, 'moon')).rejects.toMatchObject({
      code: 'invalid_options',
    })
    await expect(listener.publish('out' as unknown as OutboundMessage, 'text')).rejects.toMatchObject({
      message: expect.stringMatching(/^listener\.publish: message must be an object/),
    })
    expect(listener.stats()).toMatchObject({
      received: 2,
      brokers: { default: { received: 1 }, sea: { received: 1 } },
    })
    await Promise.all([onLand.disconnect(), atSea.disconnect()])
    await listener.stop({ endSession: true })
  })

  test('with a real hub: from the device to the reading, and back', async () => {
    const hub = createDeviceHub({ types: [Station], unknownDevice: 'register', logger: silentLogger })
    await hub.storage.migrate()
    const listener = createMqttListener(hub, { url: mosquitto().url, clientId: 'real' })
    await listener.start()
    const device = await createRawClient({ port: mosquitto().port })
    await device.subscribe('things/station/st-1/cmd')
    await device.publish('things/station/st-1/data', '{"temperature":21.5}')
    await waitUntil('the acknowledgement', () => listener.stats().acknowledged === 1)
    const { items } = await hub.readings.list(Station, {})
    expect(items).toMatchObject([{ deviceId: 'st-1', readings: { temperature: 21.5 } }])
    await hub.publish({ topic: 'things/station/st-1/cmd', payload: 'hello' })
    await waitUntil('the command', () => device.received.some(({ cmd }) => cmd === 'publish'))
    await device.disconnect()
    await hub.close()
    expect(listener.stats().state).toBe('idle')
  })
})
