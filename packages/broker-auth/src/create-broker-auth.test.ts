import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createDeviceHub, type Logger, silentLogger } from '@devicehub/core'
import { nodeListener } from '@devicehub/http'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createBrokerAuth } from './create-broker-auth.js'
import type { BrokerAuthOptions } from './options.js'
import { type Fleet, type Login, Sensor, startFleet } from './testing/fleet.js'

const SECRET = 'secret-of-the-broker-0123456789'
const OTHER = 'another-secret-of-the-broker-01'

let fleet: Fleet
let login: Login
beforeAll(async () => {
  fleet = startFleet()
  login = await fleet.issue(Sensor, 'A1')
})
afterAll(() => fleet[Symbol.asyncDispose]())

const post = (path: string, headers: Record<string, string> = {}, body: string = bodyOf()) =>
  new Request(`http://localhost${path}`, { method: 'POST', body, headers })
const bodyOf = () => JSON.stringify({ ...login, clientid: login.username })

async function statusOf(
  options: BrokerAuthOptions,
  path = '/broker/auth',
  headers: Record<string, string> = {},
  remoteAddress?: string,
): Promise<number> {
  const { fetch } = createBrokerAuth(fleet.hub, options)
  return (await fetch(post(path, headers), { remoteAddress })).status
}

describe('the caller', () => {
  test('is refused without a secret, unless the endpoints are public', async () => {
    expect(await statusOf({ secret: SECRET })).toBe(401)
    expect(await statusOf({ public: true })).toBe(200)
    // A secret is wanted where there is one.
    expect(await statusOf({ public: true, secret: SECRET })).toBe(401)
  })

  test.each<BrokerAuthOptions>([
    {},
    { public: false },
    { allow: ['127.0.0.1'] },
    { secret: undefined } as object,
  ])(
    'invariant 7: with neither a secret nor `public`, %o, there are no endpoints, and what to pass is said',
    (options) => {
      const brokerAuth = createBrokerAuth(fleet.hub, options)
      expect(() => brokerAuth.fetch).toThrow(
        expect.objectContaining({
          code: 'invalid_options',
          message: expect.stringMatching(/secret is missing.*openssl rand -hex 32.*`public: true`/),
        }),
      )
      expect(brokerAuth.aedes().authenticate).toBeTypeOf('function')
    },
  )

  test.each([
    ['in authorization', '/broker/auth', { authorization: `Bearer ${SECRET}` }, 200],
    [
      'in authorization, the scheme in small letters',
      '/broker/auth',
      { authorization: `bearer ${SECRET}` },
      200,
    ],
    ['in x-broker-secret', '/broker/auth', { 'x-broker-secret': SECRET }, 200],
    ['in the path', `/${SECRET}/broker/auth`, {}, 200],
    ['that is the second', '/broker/auth', { 'x-broker-secret': OTHER }, 200],
    ['that is wrong', '/broker/auth', { 'x-broker-secret': `${SECRET}x` }, 401],
    ['that is a part of it', '/broker/auth', { 'x-broker-secret': SECRET.slice(0, -1) }, 401],
    ['that is empty', '/broker/auth', { 'x-broker-secret': '' }, 401],
    ['of another scheme', '/broker/auth', { authorization: `Basic ${SECRET}` }, 401],
    ['that is wrong in the path', '/wrong/broker/auth', {}, 401],
    [
      'that is wrong in the path and right in the header',
      '/wrong/broker/auth',
      { 'x-broker-secret': SECRET },
      401,
    ],
    ['at the wrong level', `/broker/${SECRET}/auth`, { 'x-broker-secret': SECRET }, 404],
  ])('with a secret %s', async (_where, path, headers, status) => {
    expect(await statusOf({ secret: [SECRET, OTHER] }, path, headers as Record<string, string>)).toBe(status)
  })

  test.each([
    [['127.0.0.1'], '127.0.0.1', 200],
    [['127.0.0.1'], '::ffff:127.0.0.1', 200],
    [['10.0.0.0/8', 'fd00::/8'], '10.9.8.7', 200],
    [['10.0.0.0/8', 'fd00::/8'], 'fd12::1', 200],
    [['10.0.0.0/8'], '11.0.0.1', 403],
    [['10.0.0.0/8'], undefined, 403],
    [['10.0.0.0/8'], 'unix', 403],
    [[], '127.0.0.1', 403],
  ])('with the secret from where it is allowed (%j): %s', async (allow, address, status) => {
    const headers = { 'x-broker-secret': SECRET }
    expect(await statusOf({ secret: SECRET, allow }, '/broker/auth', headers, address)).toBe(status)
    expect(await statusOf({ secret: SECRET, allow }, '/broker/auth', {}, address)).toBe(
      status === 200 ? 401 : 403,
    )
  })

  test('learns nothing of a login, is counted, and its secret is in no log', async () => {
    const lines: string[] = []
    const write = (...line: unknown[]) => void lines.push(JSON.stringify(line))
    const logger: Logger = { debug: write, info: write, warn: write, error: write }
    const brokerAuth = createBrokerAuth({ ...fleet.hub, logger }, { secret: SECRET })
    const verify = vi.spyOn(fleet.hub.credentials, 'verify')
    const response = await brokerAuth.fetch(post('/guessed-secret-of-the-caller/broker/auth'))
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(await response.json()).toMatchObject({ status: 401, code: 'caller_unknown' })
    expect(verify).not.toHaveBeenCalled()
    verify.mockRestore()
    expect(brokerAuth.stats()).toMatchObject({ callersRefused: 1, logins: { allowed: 0, denied: 0 } })
    expect(lines.join()).not.toMatch(/guessed|secret-of-the-broker/)
  })

  test('gets the address of the socket', async () => {
    const { fetch } = createBrokerAuth(fleet.hub, { public: true, allow: ['127.0.0.1'] })
    const server = createServer(nodeListener(fetch)).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/broker/auth`
    const response = await globalThis.fetch(url, { method: 'POST', body: bodyOf() })
    expect(await response.json()).toEqual({ result: 'allow' })
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
})

describe('the options', () => {
  test.each<[string, BrokerAuthOptions]>([
    ['a short secret', { secret: 'short' }],
    ['a short one among others', { secret: [SECRET, 'short'] }],
    ['an address that is none', { secret: SECRET, allow: ['localhost'] }],
    ['a range that is none', { secret: SECRET, allow: ['10.0.0.0/33'] }],
    ['a range without a number', { secret: SECRET, allow: ['10.0.0.0/'] }],
    ['no time for a decision', { secret: SECRET, timeout: 0 }],
    ['no room for a decision', { secret: SECRET, maxPending: 0 }],
    ['no room for a body', { secret: SECRET, maxBody: 0 }],
  ])('are refused for %s', (_what, options) => {
    expect(() => createBrokerAuth(fleet.hub, options)).toThrow(
      expect.objectContaining({ code: 'invalid_options' }),
    )
  })

  test('are refused for a hub that has no secret for credentials', async () => {
    await using hub = createDeviceHub({ types: [Sensor], logger: silentLogger })
    expect(() => createBrokerAuth(hub, { secret: SECRET })).toThrow('credentials: { secret }')
  })
})

describe('the endpoints', () => {
  test('know no other path and no other method than POST', async () => {
    const { fetch } = createBrokerAuth(fleet.hub, { public: true })
    for (const request of [post('/'), post('/broker'), new Request('http://localhost/broker/auth')]) {
      const response = await fetch(request)
      expect(await response.json()).toMatchObject({ status: 404, code: 'not_found' })
    }
  })

  test('refuse a body that is too long, counted', async () => {
    const brokerAuth = createBrokerAuth(fleet.hub, { public: true, maxBody: 1000 })
    const response = await brokerAuth.fetch(post('/broker/auth', {}, `${bodyOf()}${' '.repeat(1000)}`))
    expect([response.status, await response.json()]).toEqual([413, { result: 'deny' }])
    expect(brokerAuth.stats().malformed).toBe(1)
  })

  test('deny in the form of the broker when the database hangs, in time', async () => {
    const { credentials } = fleet.hub
    const verify = () => new Promise<never>(() => {})
    const hub = { ...fleet.hub, credentials: { ...credentials, verify, find: verify } }
    const brokerAuth = createBrokerAuth(hub, { public: true, timeout: 0.05 })
    const answers = {
      '/broker/auth': [200, '{"result":"deny"}'],
      '/broker/acl': [200, '{"result":"deny"}'],
      '/emqx/authn': [200, '{"result":"deny"}'],
      '/emqx/authz': [200, '{"result":"deny"}'],
      '/mosquitto-go-auth/user': [403, '{"ok":false,"error":"denied"}'],
      '/mosquitto-go-auth/text/acl': [403, 'denied'],
      '/rabbitmq/user': [200, 'deny'],
      '/nanomq/auth': [403, ''],
    }
    const body = JSON.stringify({
      ...login,
      clientid: login.username,
      action: 'publish',
      topic: 'x',
      acc: 2,
      vhost: '/',
    })
    for (const [path, [status, text]] of Object.entries(answers)) {
      const response = await brokerAuth.fetch(post(path, {}, body))
      expect([path, response.status, await response.text()]).toEqual([path, status, text])
    }
    expect(brokerAuth.stats()).toMatchObject({ shed: 8, pending: 0 })
  })

  test('deny when the core breaks, and say so in the log', async () => {
    const error = vi.fn()
    const hub = { ...fleet.hub, logger: { ...silentLogger, error } }
    const brokerAuth = createBrokerAuth(hub, { public: true })
    // A decision never throws: only a defect does.
    vi.spyOn(brokerAuth.decider, 'login').mockRejectedValue(new Error('defect'))
    const response = await brokerAuth.fetch(post('/emqx/authn'))
    expect([response.status, await response.json()]).toEqual([200, { result: 'deny' }])
    expect(error).toHaveBeenCalledOnce()
  })

  test('deny everything once they are closed', async () => {
    const brokerAuth = createBrokerAuth(fleet.hub, { public: true })
    const before = brokerAuth.fetch(post('/broker/auth'))
    await brokerAuth.close()
    expect((await before).status).toBe(200)
    const response = await brokerAuth.fetch(post('/emqx/authn'))
    expect(await response.json()).toEqual({ result: 'deny' })
    await using again = createBrokerAuth(fleet.hub, { public: true })
    expect((await again.fetch(post('/broker/auth'))).status).toBe(200)
  })
})
