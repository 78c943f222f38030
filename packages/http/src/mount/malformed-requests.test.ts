import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { echoHandler } from '../testing/echo.js'
import { type Running, SERVERS } from '../testing/servers.js'

interface Answer {
  readonly status: number
  readonly type: string | undefined
  readonly body: string
}

/** What the server answers to these very bytes; it closes the connection then. */
function send(url: string, head: string): Promise<Answer> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = connect(Number(port), hostname, () => socket.write(`${head}connection: close\r\n\r\n`))
    socket.on('data', (bytes) => (text += bytes))
    socket.on('error', reject)
    socket.on('close', () => {
      const [headers = '', body = ''] = text.split('\r\n\r\n')
      resolve({
        status: Number(/^HTTP\/1\.1 (\d{3})/.exec(headers)?.[1]),
        type: /^content-type: (.*)$/im.exec(headers)?.[1],
        body,
      })
    })
  })
}

/** `{path}` is where the handler is mounted. */
const MALFORMED: readonly [what: string, head: string][] = [
  ['a host with a space', 'GET {path}/x HTTP/1.1\r\nhost: a b\r\n'],
  ['a host that is half an address', 'GET {path}/x HTTP/1.1\r\nhost: [::\r\n'],
  ['a host with a path', 'GET {path}/x HTTP/1.1\r\nhost: a/b\r\n'],
  ['an empty host', 'GET {path}/x HTTP/1.1\r\nhost:\r\n'],
  ['no host, which HTTP/1.0 allows', 'GET {path}/x HTTP/1.0\r\n'],
  ['an absolute target with a port that is none', 'GET http://evil:99999999{path}/x HTTP/1.1\r\nhost: x\r\n'],
  ['a backslash in the path', 'GET {path}/\\x HTTP/1.1\r\nhost: x\r\n'],
]

describe.each(Object.entries(SERVERS))('in %s', (name, start) => {
  let running: Running
  let path = ''
  beforeAll(async () => {
    running = await start(echoHandler())
    path = new URL(running.url).pathname.replace(/\/$/, '')
  })
  afterAll(() => running.close())

  test.each(MALFORMED)('%s is 400', async (_what, head) => {
    const answer = await send(running.url, head.replace('{path}', path))
    expect(answer.status).toBe(400)
    // What a framework cannot make sense of itself never comes to what is mounted in it.
    if (name === 'Hono' || answer.body.includes('FST_ERR_BAD_URL')) return
    expect(answer.type).toBe('application/problem+json')
    expect(JSON.parse(answer.body)).toMatchObject({ status: 400, code: 'malformed_request' })
  })

  test.each(['', 'json', 'text/', '/', 'a b/c', 'application/json/', ';charset=utf-8', 'text/plain/x; a=b'])(
    'a malformed content type is for the handler to judge: "%s"',
    async (type) => {
      const head = `POST ${path}/x HTTP/1.1\r\nhost: x\r\ncontent-type: ${type}\r\ncontent-length: 0\r\n`
      const { status, body } = await send(running.url, head)
      expect(status).toBe(200)
      expect(JSON.parse(body)).toMatchObject({ path: '/x', type: name === 'Hono' ? expect.anything() : type })
    },
  )

  test('OPTIONS of the whole server is nobody’s fault here', async () => {
    const { status } = await send(running.url, 'OPTIONS * HTTP/1.1\r\nhost: x\r\n')
    // Frameworks find no route for it.
    expect(status).toBe(path === '' || name === 'Hono' ? 400 : 404)
  })

  // Hono makes a `Request` of its own for what is mounted in it.
  if (name !== 'Hono')
    test('a method that no Request can have is refused', async () => {
      const { status } = await send(running.url, `TRACE ${path}/x HTTP/1.1\r\nhost: x\r\n`)
      expect(status).toBe(501)
    })

  test('an absolute target is its path', async () => {
    const { status, body } = await send(running.url, `GET http://x${path}/a?b=c HTTP/1.1\r\nhost: x\r\n`)
    expect(status).toBe(200)
    expect(JSON.parse(body)).toMatchObject({ path: '/a', search: '?b=c' })
  })

  test('a handler that throws is a fault of this side', async () => {
    expect((await send(running.url, `GET ${path}/broken HTTP/1.1\r\nhost: x\r\n`)).status).toBe(500)
  })
})
