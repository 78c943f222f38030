import { appendFileSync, readFileSync } from 'node:fs'
import { connect } from 'node:tls'
import { expect, it } from 'vitest'
import { createRawClient } from '../publisher/raw-client.js'
import { describeWith } from './describe-with.js'

describeWith({ mosquitto: 'own' }, 'startMosquitto', ({ mosquitto }) => {
  it('drops nothing of a long queue by default', async () => {
    await using broker = await mosquitto.start()
    const { port } = broker
    const session = { clientId: 's', clean: false, properties: { sessionExpiryInterval: 60 } }
    const away = await createRawClient({ port, connect: session })
    await away.subscribe('queue')
    await away.destroy()

    await using publisher = await createRawClient({ port })
    // Well above the 1000 that a broker with its own defaults would keep.
    for (let sent = 0; sent < 3000; sent += 500)
      await Promise.all(Array.from({ length: 500 }, () => publisher.publish('queue', 'x')))

    await using back = await createRawClient({ port, connect: session, acknowledge: true })
    for (let index = 0; index < 3000; index++) await back.next('publish')
  })

  it('maxQueued and maxInflight bound a session', async () => {
    await using broker = await mosquitto.start({ maxQueued: 5, maxInflight: 3 })
    await using publisher = await createRawClient({ port: broker.port })
    expect(publisher.connack.properties?.receiveMaximum).toBe(3)
    await using subscriber = await createRawClient({ port: broker.port })
    await subscriber.subscribe('queue')
    for (let index = 0; index < 20; index++) await publisher.publish('queue', String(index))
    const got: string[] = []
    for (let index = 0; index < 8; index++) {
      const packet = await subscriber.next('publish')
      got.push(String(packet.payload))
      subscriber.acknowledge(packet)
    }
    expect(got).toEqual(['0', '1', '2', '3', '4', '5', '6', '7'])
    await publisher.publish('queue', 'last')
    expect(String((await subscriber.next('publish')).payload)).toBe('last')
  })

  it('asks for a password, and reads new ones on reload', async () => {
    await using broker = await mosquitto.start({
      users: { ann: 'right' },
      acl: ['user ann', 'topic readwrite a/#'],
    })
    const login = async (username?: string, password = '') => {
      const credentials = username === undefined ? {} : { username, password: Buffer.from(password) }
      await using client = await createRawClient({
        port: broker.port,
        protocolVersion: 4,
        connect: credentials,
      })
      return client.connack.returnCode
    }
    expect(await login('ann', 'right')).toBe(0)
    expect(await login('ann', 'wrong')).toBe(5)
    expect(await login()).toBe(5)
    expect(await login('bob', 'right')).toBe(5)
    const line = readFileSync(broker.passwordFile as string, 'utf8')
    appendFileSync(broker.passwordFile as string, line.replace('ann', 'bob'))
    broker.reload()
    await expect.poll(() => login('bob', 'right'), { timeout: 60_000 }).toBe(0)
    expect(readFileSync(broker.aclFile as string, 'utf8')).toContain('a/#')
  })

  it('loads dynamic security with its administrator', async () => {
    await using broker = await mosquitto.start({ dynamicSecurity: { username: 'admin', password: 'pw' } })
    const topic = '$CONTROL/dynamic-security/v1'
    const connection = { username: 'admin', password: Buffer.from('pw') }
    await using admin = await createRawClient({ port: broker.port, connect: connection })
    await admin.subscribe(`${topic}/response`)
    await admin.publish(topic, JSON.stringify({ commands: [{ command: 'listClients' }] }))
    expect(String((await admin.next('publish')).payload)).toContain('"clients":["admin"]')
    await using stranger = await createRawClient({ port: broker.port })
    expect(stranger.connack.reasonCode).toBe(0x87)
  })

  it('speaks MQTT over WebSocket', async () => {
    await using broker = await mosquitto.start({ websockets: true })
    const url = (broker.websocketUrl as string).replace('ws:', 'http:')
    const { request } = await import('node:http')
    const headers = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      'sec-websocket-protocol': 'mqtt',
    }
    const protocol = await new Promise((resolve, reject) => {
      const upgrade = request(url, { headers })
      upgrade.on('upgrade', (response, socket) => {
        socket.destroy()
        resolve(response.headers['sec-websocket-protocol'])
      })
      upgrade.on('error', reject).end()
    })
    expect(protocol).toBe('mqtt')
  })
})

describeWith({ mosquitto: 'own', openssl: {} }, 'startMosquitto with TLS', ({ mosquitto, openssl }) => {
  it('TLS: its certificate is of the authority; mutual TLS refuses a client without one', async () => {
    const stranger = await openssl.createCertificates()
    for (const requireCertificate of [false, true]) {
      await using broker = await mosquitto.start({ tls: { requireCertificate } })
      const { ca, client } = broker.certificates as NonNullable<typeof broker.certificates>
      const { hostname, port } = new URL(broker.tlsUrl as string)
      const handshake = (options: object) =>
        new Promise((resolve) => {
          const socket = connect({ host: hostname, port: Number(port), ca: ca.cert, ...options })
          // With TLS 1.3 a refused client learns it only after its own side is done: ask something and see.
          socket.on('secureConnect', () =>
            socket.write(Buffer.from('101000044d5154540402003c000474657374', 'hex')),
          )
          socket.on('data', () => resolve('accepted') ?? socket.destroy())
          socket.on('error', () => resolve('refused'))
          socket.on('close', () => resolve('refused'))
        })
      expect(await handshake(client)).toBe('accepted')
      expect(await handshake({})).toBe(requireCertificate ? 'refused' : 'accepted')
      expect(await handshake({ ca: stranger.ca.cert })).toBe('refused')
      if (requireCertificate) expect(await handshake(stranger.client)).toBe('refused')
    }
  })

  it('takes the user name from a certificate', async () => {
    const certificates = await openssl.createCertificates()
    const device = await certificates.issue('station/1')
    await using broker = await mosquitto.start({
      tls: { certificates, requireCertificate: true, useIdentityAsUsername: true },
    })
    const socket = connect({
      port: Number(new URL(broker.tlsUrl as string).port),
      ca: certificates.ca.cert,
      ...device,
    })
    socket.on('secureConnect', () => socket.write(Buffer.from('101000044d5154540402003c000474657374', 'hex')))
    await expect.poll(() => broker.logs(), { timeout: 60_000 }).toContain(`u'station/1'`)
    socket.destroy()
  })
})
