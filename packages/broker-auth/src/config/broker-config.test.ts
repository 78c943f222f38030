import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type BrokerAuth, createBrokerAuth } from '../create-broker-auth.js'
import { type Fleet, type Login, Sensor, startFleet } from '../testing/fleet.js'
import { type BrokerName, brokerConfig } from './broker-config.js'

const SECRET = 'secret/of the#broker"0123456789'.replace(' ', '-')
const URL_BASE = 'http://10.0.0.5:8081/broker-auth/'
const BROKERS: readonly BrokerName[] = [
  'emqx',
  'mosquitto-go-auth',
  'rabbitmq',
  'vernemq',
  'nanomq',
  'generic',
]
const config = (broker: BrokerName, options = {}) =>
  brokerConfig(broker, { url: URL_BASE, secret: SECRET, ...options })

let fleet: Fleet
let login: Login
let brokerAuth: BrokerAuth
beforeAll(async () => {
  fleet = startFleet()
  login = await fleet.issue(Sensor, 'A1')
  brokerAuth = createBrokerAuth(fleet.hub, { secret: SECRET })
})
afterAll(() => fleet[Symbol.asyncDispose]())

/** Every endpoint that the text names, as the handler sees it behind its mount. */
function endpointsOf(broker: BrokerName): string[] {
  const paths = config(broker).match(/(?:http:\/\/10\.0\.0\.5:8081)?\/broker-auth\/[^\s"]+/g) ?? []
  return [...new Set(paths.map((path) => path.slice(path.indexOf('/broker-auth') + '/broker-auth'.length)))]
}

describe.each(BROKERS)('the configuration of %s', (broker) => {
  test('names existing endpoints, with their secret', async () => {
    const endpoints = endpointsOf(broker)
    expect(endpoints.length).toBeGreaterThan(broker === 'vernemq' ? 0 : 1)
    const inHeader = config(broker).includes('x-broker-secret')
    for (const endpoint of endpoints) {
      const headers = inHeader ? { 'x-broker-secret': SECRET } : undefined
      const request = new Request(`http://localhost${endpoint}`, {
        method: 'POST',
        body: '{}',
        ...(headers && { headers }),
      })
      expect([401, 404], endpoint).not.toContain((await brokerAuth.fetch(request)).status)
      const path = endpoint.replace(`/${encodeURIComponent(SECRET)}`, '')
      const without = new Request(`http://localhost${path}`, { method: 'POST', body: '{}' })
      expect((await brokerAuth.fetch(without)).status, path).toBe(401)
    }
  })

  test('is of public endpoints without a secret', () => {
    const text = brokerConfig(broker, { url: 'https://auth.example.com' })
    expect(text).toContain('auth.example.com')
    expect(text).not.toMatch(/x-broker-secret|undefined|null|8081/)
  })
})

test.each<[BrokerName, readonly string[]]>([
  ['emqx', ['no_match = deny', 'backend = http', 'type = http', '$events/client_disconnected']],
  ['mosquitto-go-auth', ['allow_anonymous false', 'auth_opt_disable_superuser true', 'auth_opt_cache false']],
  ['rabbitmq', ['mqtt.allow_anonymous = false', 'auth_backends.1 = http', 'auth_http.http_method = post']],
  ['vernemq', ['allow_anonymous = off', 'plugins.vmq_acl = off', 'hook = auth_on_subscribe_m5']],
  ['nanomq', ['allow_anonymous = false', 'no_match = deny']],
])('what %s leaves open is closed', (broker, lines) => {
  for (const line of lines) expect(config(broker)).toContain(line)
})

test('EMQX asks with the variables of its own', () => {
  const body = 'username = "$\u007busername}", password = "$\u007bpassword}", clientid = "$\u007bclientid}"'
  expect(config('emqx')).toContain(body)
  expect(config('emqx')).not.toContain('type = file')
})

test('the generic one is a request that can be sent', async () => {
  const [, url = ''] = /^POST (\S+)$/m.exec(config('generic')) ?? []
  const path = new URL(url).pathname.replace('/broker-auth', '')
  const body = JSON.stringify({ ...login, clientid: login.username })
  const headers = { 'x-broker-secret': SECRET, 'content-type': 'application/json' }
  const answer = await brokerAuth.fetch(
    new Request(`http://localhost${path}`, { method: 'POST', body, headers }),
  )
  expect(await answer.json()).toEqual({ result: 'allow' })
})

test('the configuration for RabbitMQ has the virtual host', () => {
  expect(config('rabbitmq')).toContain('mqtt.vhost = /\n')
  expect(config('rabbitmq', { vhost: 'iot' })).toContain('mqtt.vhost = iot\n')
})

test.each([
  ['an unknown broker', () => brokerConfig('hivemq' as BrokerName, { url: URL_BASE })],
  ['no address', () => config('emqx', { url: 'localhost:8081' })],
  ['an address with a query', () => config('emqx', { url: 'http://a/?b' })],
  ['a secret with a line end', () => config('vernemq', { secret: 'x\nallow_anonymous = on' })],
  ['a virtual host with a line end', () => config('rabbitmq', { vhost: '/\nauth_backends.2 = internal' })],
])('refuses %s', (_what, make) => {
  expect(make).toThrow(expect.objectContaining({ code: 'invalid_options' }))
})
