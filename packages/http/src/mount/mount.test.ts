import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import fastify from 'fastify'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { plainHandler } from '../plain-handler.js'
import { type Echo, type EchoHandler, echoHandler } from '../testing/echo.js'
import { listening, type Running, SERVERS } from '../testing/servers.js'
import { fastifyPlugin } from './fastify-plugin.js'
import { nodeListener } from './node-listener.js'

const globals = { Request: globalThis.Request, Response: globalThis.Response }

describe.each(Object.entries(SERVERS))('in %s', (_name, start) => {
  let running: Running
  const echo = echoHandler()
  beforeAll(async () => {
    running = await start(echo)
  })
  afterAll(() => running.close())

  const send = async (path: string, init: RequestInit): Promise<Echo> =>
    (await fetch(running.url + path, init)).json() as Promise<Echo>

  test.each([
    ['application/json', '{"a":[1,"\u00e9"]}'],
    ['application/x-www-form-urlencoded', 'a=1&b=%C3%A9+x'],
    ['text/plain', 'text'],
    ['application/octet-stream', 'bytes'],
    ['application/x-unknown', 'anything'],
  ])('a body of %s passes, without the prefix in the path', async (type, body) => {
    const got = await send('/a/b?c=d', { method: 'POST', body, headers: { 'content-type': type } })
    expect(got).toMatchObject({ method: 'POST', path: '/a/b', search: '?c=d', type, body })
  })

  test('methods without a body pass too, and the address of the client', async () => {
    const got = await send('/', { method: 'GET' })
    expect(got).toMatchObject({ method: 'GET', path: '/', body: '' })
    expect(got.info.remoteAddress).toMatch(/127\.0\.0\.1$/)
    expect((await send('/x', { method: 'DELETE' })).method).toBe('DELETE')
  })

  test('JSON that is not valid comes as it is, or is refused before', async () => {
    const init = { method: 'POST', body: '{', headers: { 'content-type': 'application/json' } }
    const response = await fetch(`${running.url}/x`, init)
    if (response.ok) expect(await response.json()).toMatchObject({ body: '{' })
    else expect(response.status).toBe(400)
  })

  test('a body that is too long is 413, with and without a length', async () => {
    const chunked = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let i = 0; i < 20; i++) controller.enqueue(new Uint8Array(100).fill(32))
        controller.close()
      },
    })
    for (const body of [' '.repeat(2000), chunked]) {
      const init = { method: 'POST', body, headers: { 'content-type': 'text/css' }, duplex: 'half' }
      const response = await fetch(`${running.url}/x`, init as RequestInit)
      expect([response.status, await response.json()]).toMatchObject([413, { code: 'body_too_large' }])
    }
  })

  test('the handler hears of a client that leaves', async () => {
    const { hostname, port, pathname } = new URL(`${running.url}/wait`)
    const client = httpRequest({ hostname, port, path: pathname, method: 'GET' })
    client.on('error', () => {})
    client.end()
    await vi.waitFor(() => expect(echo.waiting).toHaveLength(1), { timeout: 60_000 })
    client.destroy()
    await vi.waitFor(() => expect(echo.waiting).toEqual([{ aborted: true }]), { timeout: 60_000 })
  })
})

test('a handler that throws is a 500 that tells nothing of it', async () => {
  const running = await listening(createServer(nodeListener(echoHandler().handler)))
  const response = await fetch(`${running.url}/broken`)
  const body = await response.text()
  expect([response.status, response.headers.get('content-type')]).toEqual([500, 'application/problem+json'])
  expect(body).toContain('internal_error')
  expect(body).not.toContain('secret')
  await running.close()
})

test('the routes of a Fastify application keep their parsers', async () => {
  const running = await (SERVERS.Fastify as (echo: EchoHandler) => Promise<Running>)(echoHandler())
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(new URL('/own', running.url), { method: 'POST', body: '{"a":1}', headers })
  expect(await response.json()).toEqual({ own: { a: 1 } })
  await running.close()
})

test('the hooks of a Fastify application come before the handler, whatever the content type is', async () => {
  const app = fastify()
  app.addHook('preHandler', (_request, reply) => reply.code(401).send({ own: 'no' }))
  await app.register(fastifyPlugin(echoHandler().handler), { prefix: '/dh' })
  for (const type of ['text/plain', 'malformed'])
    expect(
      await app.inject({ method: 'POST', url: '/dh/x', headers: { 'content-type': type }, payload: 'x' }),
    ).toMatchObject({ statusCode: 401 })
  await app.close()
})

test('a plain handler on Fastify is told a malformed content type as it was sent', async () => {
  const told: (string | null)[] = []
  const handler = plainHandler('tells', async (request) => {
    told.push(request.header('content-type'))
    return { status: 204, headers: {}, body: null }
  })
  const app = fastify()
  await app.register(fastifyPlugin(handler), { prefix: '/dh' })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const headers = { 'content-type': 'malformed' }
  const response = await fetch(`http://127.0.0.1:${port}/dh/x`, { method: 'POST', headers, body: 'x' })
  expect([response.status, told]).toEqual([204, ['malformed']])
  await app.close()
})

test('the globals stay as they are', () => {
  nodeListener(echoHandler().handler)
  expect(globalThis.Request).toBe(globals.Request)
  expect(globalThis.Response).toBe(globals.Response)
})
