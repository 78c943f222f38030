import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { nodeListener } from '@devicehub/http'
import { describeWith } from '@devicehub/test-kit'
import { afterAll, describe, expect, it } from 'vitest'
import { brokerConfig } from '../config/broker-config.js'
import { createBrokerAuth } from '../create-broker-auth.js'
import { Sensor, startFleet } from '../testing/fleet.js'
import { ACCOUNTS, connectAs, itKeepsDevicesApart, tryPublish } from '../testing/live-broker.js'
import { itDeniesTheTable, useWire } from '../testing/wire.js'

// With all that an address has to escape.
const secret = `/#?%"${randomBytes(32).toString('hex')}`
const fleet = startFleet()
const brokerAuth = createBrokerAuth(fleet.hub, { secret, accounts: ACCOUNTS })
const server = createServer(nodeListener(brokerAuth.fetch)).listen(0, '127.0.0.1')
await once(server, 'listening')
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

afterAll(async () => {
  server.close()
  await brokerAuth.close()
  await fleet.hub.close()
})

/** What a user pastes, and nothing of the test's own. */
const config = brokerConfig('rabbitmq', { url, secret }).split('\n')

describeWith(
  { rabbitmq: { plugins: ['rabbitmq_auth_backend_http'], config } },
  'RabbitMQ with broker-auth',
  ({ rabbitmq }) => {
    const broker = () => ({ port: rabbitmq().port, fleet })
    itKeepsDevicesApart(broker)

    it('is not asked twice by a connection: what a device did before its revocation it may do until it is closed', async () => {
      const login = await fleet.issue(Sensor, 'staying')
      await using device = await connectAs(broker(), login)
      await device.publish('things/sensor/staying/data', '{}')
      await fleet.revoke(Sensor, 'staying')
      expect(await tryPublish(device, 'things/sensor/staying/data')).toBe('taken')
      await device.destroy()
      await using back = await connectAs(broker(), login)
      expect(back.connack.returnCode).not.toBe(0)
    })
  },
)

describe('the endpoints of RabbitMQ', () => {
  const account = { publish: ['things/#'], subscribe: ['#'], password: 'the password of an account' }
  const wire = useWire({ accounts: { account } })
  const ask = async (name: string, fields: Record<string, string | undefined>) => {
    const reply = await wire().form(`/rabbitmq/${name}`, fields)
    // To the byte: a line end behind it breaks the checks of topics, and 204 is refused.
    expect(reply).toMatchObject({ status: 200, type: 'text/plain' })
    expect(['allow', 'deny']).toContain(reply.body)
    return reply.body
  }
  const client = () => {
    const { username, password } = wire().cast.attacker
    return { username, password, client_id: username, vhost: '/' }
  }
  const place = () => ({ ...client(), password: undefined, tags: '' })

  it('answers a login with one word and no tags', async () => {
    expect(await ask('user', client())).toBe('allow')
    expect(await ask('user', { ...client(), password: 'wrong' })).toBe('deny')
    expect(await ask('user', { ...client(), vhost: 'other' })).toBe('deny')
  })

  it('denies devices over AMQP, which has no client id; allows an account without `clientId`', async () => {
    const { username, password } = client()
    expect(await ask('user', { username, password })).toBe('deny')
    expect(await ask('user', { username: 'account', password: account.password })).toBe('allow')
  })

  it('allows the virtual host of the plugin alone', async () => {
    expect(await ask('vhost', { ...place(), ip: '127.0.0.1' })).toBe('allow')
    expect(await ask('vhost', { ...place(), vhost: 'other' })).toBe('deny')
    expect(await ask('vhost', { ...place(), vhost: undefined })).toBe('deny')
    expect(await ask('vhost', { ...place(), username: undefined })).toBe('deny')
  })

  it('allows the queues of the client and the exchange of the plugin, nothing else of AMQP', async () => {
    const { username } = client()
    const allowed: string[] = []
    for (const name of [
      ...['qos0', 'qos1', 'qos2', '', 'qos1x'].map((end) => `mqtt-subscription-${username}${end}`),
      `mqtt-subscription-${wire().cast.victim.username}qos1`,
      ...['mqtt-subscription-qos1', 'amq.topic', 'amq.direct', 'amq.rabbitmq.event', ''],
    ])
      for (const resource of ['queue', 'exchange', 'topic', ''])
        for (const permission of ['configure', 'write', 'read', 'admin', ''])
          if ((await ask('resource', { ...place(), resource, name, permission })) === 'allow')
            allowed.push(`${resource} ${name} ${permission}`)
    const permissions = ['configure', 'write', 'read']
    expect(allowed).toEqual([
      ...permissions.map((permission) => `queue mqtt-subscription-${username}qos0 ${permission}`),
      ...permissions.map((permission) => `queue mqtt-subscription-${username}qos1 ${permission}`),
      'exchange amq.topic write',
      'exchange amq.topic read',
    ])
    const queue = { ...place(), resource: 'queue', permission: 'configure' }
    expect(await ask('resource', { ...queue, client_id: undefined, name: 'mqtt-subscription-qos1' })).toBe(
      'deny',
    )
  })

  const topic = (routing_key: string, more: Record<string, string | undefined> = {}) => {
    const { username } = client()
    return ask('topic', {
      username,
      vhost: '/',
      resource: 'topic',
      name: 'amq.topic',
      permission: 'read',
      tags: '',
      routing_key,
      'variable_map.client_id': username,
      'variable_map.username': username,
      'variable_map.vhost': '/',
      ...more,
    })
  }

  it('decides the topic of a routing key', async () => {
    expect(await topic('things.sensor.A1.cmd')).toBe('allow')
    expect(await topic('things.sensor.A1.data')).toBe('deny')
    expect(await topic('things.sensor.A1.data', { permission: 'write' })).toBe('allow')
    expect(await topic('things.sensor.A1.cmd', { permission: 'write' })).toBe('deny')
    for (const permission of ['configure', '', 'constructor'])
      expect(await topic('things.sensor.A1.cmd', { permission })).toBe('deny')
    expect(await topic('things.sensor.A1.cmd', { name: 'amq.direct' })).toBe('deny')
    expect(await topic('things.sensor.A1.cmd', { vhost: 'other' })).toBe('deny')
  })

  it('reads wildcards as RabbitMQ does, and no key of which MQTT knows nothing', async () => {
    for (const key of [
      'things.sensor.*.cmd',
      'things.#',
      '#',
      'things.#.cmd',
      '*.*.*.*',
      'things.sensor.A1.#',
    ])
      expect(await topic(key)).toBe('deny')
    for (const key of ['things/sensor/A1/cmd', 'things.sensor/A1.cmd', 'things.sensor.+.cmd'])
      expect(await topic(key)).toBe('deny')
  })

  it('lets an account have what it was granted, with the wildcards of RabbitMQ, and publish to no wildcard', async () => {
    const as = (permission: string) => ({
      'variable_map.username': undefined,
      'variable_map.client_id': 'x',
      username: 'account',
      permission,
    })
    expect(await topic('things.*.*.data', as('read'))).toBe('allow')
    expect(await topic('things.sensor.A1.cmd', as('write'))).toBe('allow')
    for (const key of ['things.*.A1.cmd', 'things.#', 'other.sensor.A1.cmd'])
      expect(await topic(key, as('write'))).toBe('deny')
  })

  it('believes neither of two names', async () => {
    const { username: other } = wire().cast.victim
    expect(await topic('things.sensor.A1.cmd', { 'variable_map.username': other })).toBe('deny')
    expect(await topic('things.sensor.A1.cmd', { 'variable_map.client_id': other })).toBe('deny')
    expect(await topic('things.sensor.A1.cmd', { client_id: other })).toBe('deny')
    expect(await topic('things.sensor.A1.cmd', { 'variable_map.client_id': undefined })).toBe('deny')
    expect(await topic('things.sensor.A1.cmd', { 'variable_map.username': undefined })).toBe('allow')
  })

  it('denies what it cannot read', async () => {
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    const twice = `${new URLSearchParams({ ...place(), password: '' })}&vhost=other`
    for (const body of [twice, 'username=%ff', `username=${'a'.repeat(3 << 20)}`, ''])
      expect(await wire().post('/rabbitmq/vhost', body, form)).toEqual({
        status: 200,
        type: 'text/plain',
        body: 'deny',
      })
  })

  itDeniesTheTable(() => wire().cast, {
    login: async ({ username, password, clientId }) =>
      (await ask('user', { username, password, client_id: clientId, vhost: '/' })) === 'allow',
    access: async ({ username, clientId, action, topic }) =>
      (await ask('topic', {
        username,
        vhost: '/',
        resource: 'topic',
        name: 'amq.topic',
        permission: action === 'publish' ? 'write' : 'read',
        routing_key: topic.replaceAll('/', '.').replaceAll('+', '*'),
        'variable_map.client_id': clientId,
        'variable_map.username': username,
      })) === 'allow',
  })
})
