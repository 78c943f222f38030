import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { nodeListener } from './mount/node-listener.js'
import { readBody } from './read-body.js'

const post = (body: string | ReadableStream | null, headers: Record<string, string> = {}) =>
  new Request('http://localhost/', { method: 'POST', body, headers, duplex: 'half' } as RequestInit)

/** Endless, and counts what was taken of it. */
function endless(chunk: number) {
  const taken = { bytes: 0, cancelled: false }
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      taken.bytes += chunk
      controller.enqueue(new Uint8Array(chunk))
    },
    cancel() {
      taken.cancelled = true
    },
  })
  return { stream, taken }
}

describe('a body', () => {
  test('is read whole, in however many pieces it comes', async () => {
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const text of ['dev', 'ice', 'hub']) controller.enqueue(new TextEncoder().encode(text))
        controller.close()
      },
    })
    const body = await readBody(post(stream), { maxBytes: 9 })
    expect(body instanceof Response ? body.status : new TextDecoder().decode(body)).toBe('devicehub')
  })

  test('that is not there is empty', async () => {
    expect(await readBody(post(null), { maxBytes: 9 })).toEqual(new Uint8Array())
  })

  test('that is too long is refused as a problem', async () => {
    const response = await readBody(post('0123456789'), { maxBytes: 9 })
    if (!(response instanceof Response)) throw new Error('it was taken')
    expect([response.status, response.headers.get('content-type')]).toEqual([413, 'application/problem+json'])
    expect(await response.json()).toEqual({
      type: 'about:blank',
      title: 'Payload Too Large',
      status: 413,
      code: 'body_too_large',
      detail: 'The body is longer than the 9 bytes that are taken here',
    })
  })

  test('without end is not taken in past the limit, whatever its length is said to be', async () => {
    for (const headers of [{}, { 'content-length': '5' }]) {
      const { stream, taken } = endless(1000)
      const response = await readBody(post(stream, headers), { maxBytes: 10_000 })
      expect((response as Response).status).toBe(413)
      expect(taken.bytes).toBeLessThan(15_000)
      expect(taken.cancelled).toBe(true)
    }
  })

  test('that says it is too long is not read at all', async () => {
    const { stream, taken } = endless(1000)
    const response = await readBody(post(stream, { 'content-length': '1000000' }), { maxBytes: 10_000 })
    expect((response as Response).status).toBe(413)
    expect(taken.bytes).toBeLessThanOrEqual(1000)
  })

  test('that breaks off is refused', async () => {
    const stream = new ReadableStream({ pull: (controller) => controller.error(new Error('reset')) })
    const response = await readBody(post(stream), { maxBytes: 9 })
    expect((response as Response).status).toBe(400)
  })

  test('that does not come in time is given up, however slowly it drips', async () => {
    const cancelled = { silent: false, dripping: false }
    const silent = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new Uint8Array(3)),
      cancel() {
        cancelled.silent = true
      },
    })
    const dripping = new ReadableStream<Uint8Array>({
      async pull(controller) {
        await new Promise((resolve) => setTimeout(resolve, 1))
        if (!cancelled.dripping) controller.enqueue(new Uint8Array(1))
      },
      cancel() {
        cancelled.dripping = true
      },
    })
    for (const stream of [silent, dripping]) {
      const response = (await readBody(post(stream), { maxBytes: 1_000_000, timeout: 0.05 })) as Response
      expect([response.status, response.headers.get('connection')]).toEqual([408, 'close'])
      expect(await response.json()).toMatchObject({ code: 'body_too_slow' })
    }
    expect(cancelled).toEqual({ silent: true, dripping: true })
  })

  test('that stops half-way on a real socket ends its connection', async () => {
    const server = createServer(
      nodeListener(async (request) => {
        const body = await readBody(request, { maxBytes: 100, timeout: 0.05 })
        return body instanceof Response ? body : new Response('read')
      }),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    try {
      const answer = await new Promise<string>((resolve, reject) => {
        let text = ''
        const socket = connect(port, '127.0.0.1', () =>
          socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 50\r\n\r\n{"half":'),
        )
        socket.on('data', (bytes) => (text += bytes))
        socket.on('error', reject)
        socket.on('close', () => resolve(text))
      })
      expect(answer).toMatch(/^HTTP\/1\.1 408 /)
    } finally {
      await new Promise((resolve) => server.close(resolve))
    }
  })
})
