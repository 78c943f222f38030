import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type BrokerAuth, createBrokerAuth } from './create-broker-auth.js'
import { type Fleet, type Login, Sensor, startFleet } from './testing/fleet.js'

/** Whether the broker would take the answer for a yes. */
const YES: Record<string, (status: number, body: string) => boolean> = {
  '/broker/auth': (_status, body) => body.includes('allow'),
  '/broker/acl': (_status, body) => body.includes('allow'),
  '/emqx/authn': (status, body) => status === 204 || body.includes('allow'),
  '/emqx/authz': (status, body) => status === 204 || body.includes('allow'),
  '/mosquitto-go-auth/user': (status) => status < 300,
  '/mosquitto-go-auth/superuser': (status) => status < 300,
  '/mosquitto-go-auth/acl': (status) => status < 300,
  '/mosquitto-go-auth/text/user': (status) => status < 300,
  '/mosquitto-go-auth/text/acl': (status) => status < 300,
  '/rabbitmq/user': (_status, body) => body.startsWith('allow'),
  '/rabbitmq/topic': (_status, body) => body.startsWith('allow'),
  '/vernemq': (_status, body) => body.includes('"ok"') || body.includes('"next"'),
  '/nanomq/auth': (status) => status === 200,
  '/nanomq/super': (status) => status === 200,
  '/nanomq/acl': (status) => status === 200,
}
const PATHS = [...Object.keys(YES), '/emqx/events', '/nanomq/events', '/rabbitmq/vhost', '/rabbitmq/resource']

let fleet: Fleet
let login: Login
let brokerAuth: BrokerAuth
beforeAll(async () => {
  fleet = startFleet()
  login = await fleet.issue(Sensor, 'A1')
  brokerAuth = createBrokerAuth(fleet.hub, { public: true, timeout: 60 })
})
afterAll(() => fleet[Symbol.asyncDispose]())

const names = fc.constantFrom(
  ...[
    'username',
    'password',
    'clientid',
    'client_id',
    'topic',
    'topics',
    'action',
    'acc',
    'access',
    'permission',
  ],
  ...[
    'routing_key',
    'name',
    'vhost',
    'resource',
    'event',
    'reason',
    'connected_at',
    '__proto__',
    'constructor',
    'qos',
  ],
)
/** Names that are known and words that mean something, but never a password: nothing can be allowed. */
const words = fc.constantFrom<unknown>(
  ...[
    'sensor-A1',
    'things/sensor/A2/data',
    'things/#',
    '#',
    '$share/g/#',
    'publish',
    'subscribe',
    'read',
    'write',
  ],
  ...[
    '/',
    'amq.topic',
    '#',
    'client.connected',
    'client_connack',
    '1',
    '2',
    'allow',
    'ok',
    'things.sensor.*.cmd',
  ],
  ...[0, 1, 2, 3, 4, -1, 1e308, true, false, null],
)
const value = fc.oneof(words, words, fc.string({ unit: 'grapheme' }), fc.jsonValue())
const fields = fc.dictionary(names, value, { maxKeys: 8 })
const formOf = (given: Record<string, unknown>) =>
  new URLSearchParams(
    Object.entries(given).map(
      ([name, each]) => [name, typeof each === 'string' ? each : JSON.stringify(each)] as [string, string],
    ),
  ).toString()
const body = fc.oneof(
  fields.map((given) => JSON.stringify(given)),
  fields.map(formOf),
  fc.json(),
  fc.string({ unit: 'binary' }),
  fc.uint8Array({ maxLength: 200 }),
  fc.constantFrom(
    '['.repeat(100_000),
    '{"a":'.repeat(50_000),
    '&'.repeat(10_000),
    '%',
    '%ff=%00',
    '{"username":"\\ud800"}',
  ),
)
const type = fc.constantFrom(
  ...[
    'application/json',
    'application/x-www-form-urlencoded',
    'text/plain',
    'multipart/form-data; boundary=x',
    '',
  ],
)
const hook = fc.constantFrom(
  ...[
    'auth_on_register',
    'auth_on_publish',
    'auth_on_subscribe',
    'auth_on_subscribe_m5',
    'on_client_gone',
    'x',
    '',
  ],
)
const attempt = fc.record({ path: fc.constantFrom(...PATHS), body, type, hook })
type Attempt = typeof attempt extends fc.Arbitrary<infer A> ? A : never

async function send({ path, body, type, hook }: Attempt) {
  const headers = { 'vernemq-hook': hook, ...(type !== '' && { 'content-type': type }) }
  const sent = typeof body === 'string' ? body : new Uint8Array(body)
  const request = new Request(`http://localhost${path}`, { method: 'POST', body: sent, headers })
  const response = await brokerAuth.fetch(request)
  const text = await response.text()
  return { path, status: response.status, text }
}

test('whatever is sent without a password, nothing is allowed and nothing breaks', async () => {
  const reached = new Set<string>()
  await fc.assert(
    fc.asyncProperty(fc.array(attempt, { minLength: 50, maxLength: 200, size: 'max' }), async (attempts) => {
      for (const { path, status, text } of await Promise.all(attempts.map(send))) {
        expect(status, path).toBeLessThan(500)
        const isYes = YES[path]?.(status, text) ?? false
        // VerneMQ's other hooks are answered, but decide nothing.
        expect({ path, text, isYes }).toEqual({ path, text, isYes: false })
        reached.add(path)
      }
    }),
    { numRuns: 15 },
  )
  expect(reached.size).toBe(PATHS.length)
  expect(brokerAuth.stats()).toMatchObject({ logins: { allowed: 0 }, shed: 0, failed: 0 })
})

test('with its password the device gets in: nothing above was denied for another reason', async () => {
  const body = JSON.stringify({ ...login, clientid: login.username })
  const { status, text } = await send({ path: '/broker/auth', body, type: 'application/json', hook: '' })
  expect(YES['/broker/auth']?.(status, text)).toBe(true)
})
