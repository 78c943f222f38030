import { createServer, type RequestListener, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { nodeListener } from '@devicehub/http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createBrokerAuth } from './create-broker-auth.js'
import { type Fleet, type Login, Sensor, startFleet } from './testing/fleet.js'

/**
 * In plain Node the endpoints are reached without a web `Request`, elsewhere with one. Both ways must answer alike,
 * whatever is asked.
 */
const SECRET = 'a-secret/of the broker-0123456789'
const ENCODED = encodeURIComponent(SECRET)

interface Call {
  readonly method: string
  readonly path: string
  readonly headers: Record<string, string | string[]>
  readonly body: string | Uint8Array
}

const PATHS = [
  '/broker/auth',
  '/broker/acl',
  '/emqx/authn',
  '/emqx/authz',
  '/emqx/events',
  '/mosquitto-go-auth/user',
  '/mosquitto-go-auth/superuser',
  '/mosquitto-go-auth/acl',
  '/mosquitto-go-auth/text/user',
  '/mosquitto-go-auth/text/acl',
  '/rabbitmq/user',
  '/rabbitmq/vhost',
  '/rabbitmq/resource',
  '/rabbitmq/topic',
  '/vernemq',
  '/nanomq/auth',
  '/nanomq/super',
  '/nanomq/acl',
  '/nanomq/events',
]

let fleet: Fleet
let login: Login
const urls: string[] = []
const servers: ReturnType<typeof createServer>[] = []
beforeAll(async () => {
  fleet = startFleet()
  login = await fleet.issue(Sensor, 'A1')
  const { fetch } = createBrokerAuth(fleet.hub, { secret: SECRET, maxBody: 2_000 })
  for (const listener of [
    nodeListener(fetch),
    // A handler around it hides the direct way.
    nodeListener((request, info) => fetch(request, info)),
  ] satisfies RequestListener[]) {
    const server = createServer(listener).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    servers.push(server)
    urls.push(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  }
})
afterAll(async () => {
  for (const server of servers) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  await fleet[Symbol.asyncDispose]()
})

function send(url: string, { method, path, headers, body }: Call): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const sent = request(url + path, { method, headers, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part) => {
        text += part
      })
      response.on('end', () => {
        const { 'content-type': type, 'cache-control': cache } = response.headers
        resolve({ status: response.statusCode, type, cache, text })
      })
      response.on('error', reject)
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

async function both(call: Call): Promise<unknown> {
  const [direct, overFetch] = await Promise.all(urls.map((url) => send(url, call)))
  expect(direct, `${call.method} ${call.path}`).toEqual(overFetch)
  return direct
}

const JSON_TYPE = 'application/json'
const FORM_TYPE = 'application/x-www-form-urlencoded'
const fieldsOf = (more: object = {}) => ({
  ...login,
  clientid: login.username,
  client_id: login.username,
  topic: 'things/sensor/A1/data',
  action: 'publish',
  acc: 2,
  access: '2',
  vhost: '/',
  ...more,
})
const withSecret = { 'x-broker-secret': SECRET }

const BODIES: [string, () => { type: string; body: string | Uint8Array }][] = [
  ['the right login', () => ({ type: JSON_TYPE, body: JSON.stringify(fieldsOf()) })],
  ['the right login as a form', () => ({ type: FORM_TYPE, body: formOf(fieldsOf()) })],
  ['a form with a charset', () => ({ type: `${FORM_TYPE}; charset=utf-8`, body: formOf(fieldsOf()) })],
  ['a form said to be JSON', () => ({ type: JSON_TYPE, body: formOf(fieldsOf()) })],
  ['JSON said to be a form', () => ({ type: FORM_TYPE, body: JSON.stringify(fieldsOf()) })],
  ['JSON without a type', () => ({ type: '', body: JSON.stringify(fieldsOf()) })],
  ['a wrong password', () => ({ type: JSON_TYPE, body: JSON.stringify(fieldsOf({ password: 'x' })) })],
  ['an unknown user', () => ({ type: JSON_TYPE, body: JSON.stringify(fieldsOf({ username: 'nobody' })) })],
  ['a name twice', () => ({ type: FORM_TYPE, body: `${formOf(fieldsOf())}&username=other` })],
  ['a byte order mark', () => ({ type: JSON_TYPE, body: `\ufeff${JSON.stringify(fieldsOf())}` })],
  ['bytes that are no UTF-8', () => ({ type: JSON_TYPE, body: Uint8Array.of(0x7b, 0xff, 0x7d) })],
  ['a lone surrogate', () => ({ type: JSON_TYPE, body: '{"username":"\\ud800","password":"x"}' })],
  ['a prototype', () => ({ type: JSON_TYPE, body: '{"__proto__":{"username":"sensor-A1"}}' })],
  ['a list', () => ({ type: JSON_TYPE, body: '[]' })],
  ['half of JSON', () => ({ type: JSON_TYPE, body: '{"username":' })],
  ['nothing', () => ({ type: JSON_TYPE, body: '' })],
  ['too much', () => ({ type: JSON_TYPE, body: ' '.repeat(2_001) })],
  ['too many fields', () => ({ type: FORM_TYPE, body: 'a=1&'.repeat(101) })],
  ['nested JSON', () => ({ type: JSON_TYPE, body: '['.repeat(1_900) })],
]

const formOf = (fields: object) =>
  new URLSearchParams(
    Object.entries(fields).map(([name, value]) => [name, String(value)] as [string, string]),
  ).toString()

test.each(BODIES)('%s is answered alike at every endpoint', async (_what, make) => {
  const { type, body } = make()
  for (const path of PATHS)
    for (const hook of ['auth_on_register', 'auth_on_publish', 'x'])
      if (hook === 'x' || path === '/vernemq')
        await both({
          method: 'POST',
          path,
          headers: { ...withSecret, 'vernemq-hook': hook, ...(type !== '' && { 'content-type': type }) },
          body,
        })
})

test.each<[string, string, Record<string, string | string[]>, number]>([
  ['in a header', '/emqx/authn', withSecret, 200],
  ['as a bearer', '/emqx/authn', { authorization: `Bearer ${SECRET}` }, 200],
  ['as a bearer in other letters', '/emqx/authn', { authorization: `bEARER ${SECRET}` }, 200],
  ['missing', '/emqx/authn', {}, 401],
  ['wrong', '/emqx/authn', { 'x-broker-secret': `${SECRET}x` }, 401],
  ['twice', '/emqx/authn', { 'x-broker-secret': [SECRET, SECRET] }, 401],
  ['twice as a bearer', '/emqx/authn', { authorization: [`Bearer ${SECRET}`, 'Bearer x'] }, 401],
  ['in the path', `/${ENCODED}/emqx/authn`, {}, 200],
  ['wrong in the path', '/guessed/emqx/authn', withSecret, 401],
  ['in the path with a slash at the end', `/${ENCODED}/emqx/authn/`, {}, 200],
  ['before a path with escapes', `/${ENCODED}/emqx/%61uthn`, {}, 200],
  ['before an escaped slash', `/${ENCODED}/emqx%2fauthn`, {}, 404],
  ['with an escape that is none', '/%zz/emqx/authn', {}, 401],
  ['before an empty level', `/${ENCODED}//emqx/authn`, {}, 404],
  ['that is empty', '//emqx/authn', withSecret, 404],
  ['before a dot segment', `/${ENCODED}/x/../emqx/authn`, {}, 200],
  ['with a query', '/emqx/authn?a=b', withSecret, 200],
  ['for no endpoint', '/emqx', withSecret, 404],
  ['for the root', '/', withSecret, 404],
])('a secret %s is answered alike', async (_where, path, headers, status) => {
  const body = JSON.stringify(fieldsOf())
  const call = { method: 'POST', path, headers: { 'content-type': JSON_TYPE, ...headers }, body }
  expect(await both(call)).toMatchObject({ status })
})

test.each(['GET', 'HEAD', 'PUT', 'OPTIONS', 'TRACE'])('%s is answered alike', async (method) => {
  expect(await both({ method, path: '/emqx/authn', headers: withSecret, body: '' })).toMatchObject({
    status: method === 'TRACE' ? 501 : 404,
  })
})
