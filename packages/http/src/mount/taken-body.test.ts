import { createServer } from 'node:http'
import express, { type RequestHandler } from 'express'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { FetchHandler } from '../fetch-handler.js'
import { type PlainHandler, plainHandler } from '../plain-handler.js'
import { readBody } from '../read-body.js'
import { sendRaw } from '../testing/raw-request.js'
import { listening } from '../testing/servers.js'
import { expressHandler } from './express-handler.js'
import { nodeListener } from './node-listener.js'

const LIMITS = { maxBytes: 1000, timeout: '200ms' } as const

const overFetch: FetchHandler = async (request) => {
  const body = await readBody(request, LIMITS)
  return body instanceof Response ? body : new Response(Buffer.from(body))
}
const plain: PlainHandler = async ({ readBody }) => {
  const body = await readBody(LIMITS)
  if (!(body instanceof Uint8Array)) return body
  return { status: 200, headers: {}, body: Buffer.from(body).toString() }
}
const HANDLERS = { 'a fetch handler': overFetch, 'a plain handler': plainHandler('echo', plain) }

async function mounted(...middleware: RequestHandler[]) {
  const app = express()
  app.use(...middleware)
  const running = await listening(createServer(app))
  onTestFinished(async () => void (await running.close()))
  const lines = vi.spyOn(console, 'error').mockImplementation(() => {})
  lines.mockClear()
  onTestFinished(() => lines.mockRestore())
  const send = async (head: string, body: string, method = 'POST') => {
    const start = `${method} /x HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n`
    return await sendRaw(running.url, `${start}${head}\r\n\r\n${body}`)
  }
  return { send, lines }
}

const JSON_BODY = '{"a":1}'
const LENGTH = `content-length: ${JSON_BODY.length}`

for (const [name, handler] of Object.entries(HANDLERS)) {
  test(`${name} in nodeListener behind express.json() says what to do, and logs it once`, async () => {
    const { send, lines } = await mounted(express.json(), nodeListener(handler))
    for (let i = 0; i < 3; i++) {
      const answer = await send(LENGTH, JSON_BODY)
      expect([answer?.status, answer?.headers.get('content-type')]).toEqual([500, 'application/problem+json'])
      const { code, detail } = JSON.parse(answer?.body ?? '')
      expect(code).toBe('body_already_read')
      expect(detail).toMatch(/expressHandler.*before express\.json\(\)/)
    }
    expect(lines).toHaveBeenCalledTimes(1)
    expect(lines.mock.calls[0]?.[0]).toMatch(/expressHandler.*before express\.json\(\)/)
  })

  test(`${name} in expressHandler says so too where the reader kept nothing of the body`, async () => {
    const swallow: RequestHandler = (request, _response, next) => void request.on('end', next).resume()
    const { send, lines } = await mounted(swallow, expressHandler(handler))
    expect(JSON.parse((await send(LENGTH, JSON_BODY))?.body ?? '')).toMatchObject({
      code: 'body_already_read',
    })
    expect(lines).toHaveBeenCalledTimes(1)
  })

  test(`${name} in nodeListener behind express.json() answers what had no body`, async () => {
    const { send, lines } = await mounted(express.json(), nodeListener(handler))
    for (const method of ['POST', 'GET', 'DELETE'])
      expect(await send('content-length: 0', '', method)).toMatchObject({ status: 200, body: '' })
    expect(await send('x-none: 1', '', 'GET')).toMatchObject({ status: 200, body: '' })
    expect(lines).not.toHaveBeenCalled()
  })

  test(`${name} in nodeListener before express.json(), and where rawBody is kept, gets the body`, async () => {
    const before = await mounted(nodeListener(handler), express.json())
    expect(await before.send(LENGTH, JSON_BODY)).toMatchObject({ status: 200, body: JSON_BODY })
    const keep = express.json({
      verify: (request, _response, body) => void Object.assign(request, { rawBody: body }),
    })
    const kept = await mounted(keep, nodeListener(handler))
    expect(await kept.send(LENGTH, JSON_BODY)).toMatchObject({ status: 200, body: JSON_BODY })
  })
}
