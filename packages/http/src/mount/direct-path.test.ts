import { createServer } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type PlainHandler, plainHandler } from '../plain-handler.js'
import { sendRaw } from '../testing/raw-request.js'
import { listening, type Running } from '../testing/servers.js'
import { nodeListener } from './node-listener.js'

/** Tells what it received; `/broken` throws, `/unread` leaves the body where it is. */
const echo: PlainHandler = async (request) => {
  if (request.path === '/broken') throw new Error('a secret of the handler')
  if (request.path === '/unread') return { status: 401, headers: {}, body: null }
  const body = await request.readBody({ maxBytes: 1000, timeout: 0.3 })
  if (!(body instanceof Uint8Array)) return body
  const names = ['content-type', 'content-length', 'authorization', 'x-own', 'cookie', 'host', 'x-none']
  return {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      method: request.method,
      path: request.path,
      remoteAddress: request.remoteAddress,
      headers: names.map((name) => request.header(name)),
      body: Buffer.from(body).toString('latin1'),
    }),
  }
}

let direct: Running
let overFetch: Running
beforeAll(async () => {
  const handler = plainHandler('echo', echo)
  direct = await listening(createServer(nodeListener(handler)))
  overFetch = await listening(createServer(nodeListener((request, info) => handler(request, info))))
})
afterAll(async () => {
  await direct.close()
  await overFetch.close()
})

const CLOSE = 'connection: close\r\n'
const post = (headers = '', body = '', target = '/a') =>
  `POST ${target} HTTP/1.1\r\nhost: x\r\n${CLOSE}${headers}\r\n${body}`
const sized = (body: string, headers = '', target = '/a') =>
  post(`content-length: ${body.length}\r\n${headers}`, body, target)
const withHost = (host: string) => `POST /a HTTP/1.1\r\n${host}${CLOSE}content-length: 0\r\n\r\n`

const TABLE: [string, string][] = [
  ['a JSON body', sized('{"a":1}', 'content-type: application/json\r\n')],
  ['bytes that are no UTF-8', sized('\xff\xfe\x00', 'content-type: text/plain\r\n')],
  ['no body', sized('')],
  ['no length', post()],
  ['a chunked body', post('transfer-encoding: chunked\r\n', '3;x=y\r\nabc\r\n2\r\nde\r\n0\r\n\r\n')],
  ['a body of exactly the limit', sized('x'.repeat(1000))],
  ['a body past the limit', sized('x'.repeat(1001))],
  ['a length past the limit, without its body', post('content-length: 5000\r\n')],
  [
    'a chunked body past the limit',
    post('transfer-encoding: chunked\r\n', `7d0\r\n${'x'.repeat(2000)}\r\n0\r\n\r\n`),
  ],
  ['half a body', post('content-length: 10\r\n', 'half')],
  ['half a chunk', post('transfer-encoding: chunked\r\n', 'a\r\nhalf')],
  ['a chunk that is none', post('transfer-encoding: chunked\r\n', 'zz\r\nhalf\r\n')],
  ['a body that is not read', sized('x'.repeat(5000), '', '/unread')],
  ['half a body that is not read', post('content-length: 10\r\n', 'half', '/unread')],
  ['a handler that throws', sized('{}', '', '/broken')],
  ['two content types', sized('{}', 'content-type: text/plain\r\ncontent-type: application/json\r\n')],
  ['two authorizations', sized('{}', 'authorization: Bearer a\r\nAuthorization: Bearer b\r\n')],
  ['a header twice', sized('{}', 'x-own: a\r\nX-Own: b\r\n')],
  ['two cookies', sized('{}', 'cookie: a=1\r\ncookie: b=2\r\n')],
  ['a header in Latin 1, with spaces around', sized('{}', 'x-own:  caf\xe9 \t\r\n')],
  ['a header over two lines', sized('{}', 'x-own: a\r\n b\r\n')],
  ['an empty header', sized('{}', 'x-own:\r\n')],
  ['two lengths', post('content-length: 2\r\ncontent-length: 2\r\n', '{}')],
  ['a length and chunks', post('content-length: 2\r\ntransfer-encoding: chunked\r\n', '0\r\n\r\n')],
  ['a length that is no number', post('content-length: two\r\n', '{}')],
  ['an expectation', sized('{}', 'expect: 100-continue\r\n')],
  ['an upgrade', sized('{}', 'upgrade: websocket\r\n')],
  ['no host', withHost('')],
  ['an empty host', withHost('host:\r\n')],
  ['a host in capitals', withHost('host: X\r\n')],
  ['a host with a port', withHost('host: x:8081\r\n')],
  ['a host with a port that is none', withHost('host: x:99999\r\n')],
  ['a host with a path', withHost('host: a/b\r\n')],
  ['a host with a user', withHost('host: a@b\r\n')],
  ['a host that is half an address', withHost('host: [::\r\n')],
  ['a host that is an IPv6 address', withHost('host: [::1]:8081\r\n')],
  ['a host that is no IPv4 address', withHost('host: 999.999.999.999\r\n')],
  ['two hosts', withHost('host: x\r\nhost: y\r\n')],
  ['HTTP/1.0 without a host', `POST /a HTTP/1.0\r\ncontent-length: 0\r\n\r\n`],
  ...[
    '/a/b-c_d.e~f',
    '/a?b=c',
    '/a#b',
    '/%61',
    '/%2F',
    '/%zz',
    '/a/../b',
    '/a/./b',
    '/..',
    '/a/..b',
    '//a',
    '/a//b',
    '/a/',
    '/a\\b',
    '/a|b',
    '/a"b',
    '/[a]',
    '/\xe9',
    "/a;b=c,d:e@f!$&'()*+",
    'http://x/a',
    'http://y:99999/a',
    'http://y\\a/a',
    '*',
    'a',
  ].map((target): [string, string] => [`the target ${target}`, sized('{}', '', target)]),
  ...['GET', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'post', 'FOO'].map((method): [string, string] => [
    `the method ${method}`,
    `${method} /a HTTP/1.1\r\nhost: x\r\n${CLOSE}content-length: 2\r\n\r\n{}`,
  ]),
]

/** What a client sees, but for what differs with the time and with how a length is told. */
async function seen(url: string, bytes: string) {
  const answer = await sendRaw(url, bytes)
  if (answer === null) return null
  const { status, headers, body } = answer
  const told = ['content-type', 'cache-control', 'connection'].map((name) => headers.get(name))
  return { status, told, body }
}

describe('without a web Request and with one', () => {
  test.each(TABLE)('%s is answered alike', async (_what, bytes) => {
    const [one, other] = await Promise.all([seen(direct.url, bytes), seen(overFetch.url, bytes)])
    expect(one).toEqual(other)
    expect(one).not.toBeNull()
  })

  test('a client that leaves in the middle of its body harms nobody', async () => {
    for (const { url } of [direct, overFetch]) {
      const answers = await Promise.all([
        sendRaw(url, `${post('content-length: 10\r\n', 'half')}`.replace(CLOSE, '')),
        sendRaw(url, sized('{}')),
      ])
      expect(answers.map((answer) => answer?.status)).toEqual([408, 200])
    }
  })
})

test('the connection of a refused body that does not end is closed', async () => {
  const unending = post('content-length: 10\r\n', 'half', '/unread').replace(CLOSE, '')
  for (const { url } of [direct, overFetch]) expect((await sendRaw(url, unending))?.status).toBe(401)
})

/** Says over which way it was called. */
const witness = plainHandler('witness', async () => ({
  status: 200,
  headers: {},
  body: new Error('whence').stack?.includes('answerDirectly') ? 'directly' : 'over fetch',
}))

test.each([
  ['a POST', sized('{}'), 'directly'],
  ['a POST with a port in its host', withHost('host: x:8081\r\n'), 'directly'],
  ['a POST with a query', sized('{}', '', '/a?b=c'), 'over fetch'],
  ['a POST with an escape', sized('{}', '', '/%61'), 'over fetch'],
  ['a POST with a dot segment', sized('{}', '', '/a/..'), 'over fetch'],
  ['a POST with an address in its host', withHost('host: [::1]\r\n'), 'over fetch'],
  ['a GET', `GET /a HTTP/1.1\r\nhost: x\r\n${CLOSE}\r\n`, 'over fetch'],
])('%s goes %s', async (_what, bytes, way) => {
  const running = await listening(createServer(nodeListener(witness)))
  expect((await sendRaw(running.url, bytes))?.body).toBe(way)
  await running.close()
})
