import type { Duration } from '@devicehub/core'
import * as check from '@devicehub/core/check'
import { acceptRequest } from './checked-handler.js'
import { type PlainResponse, toResponse } from './plain-response.js'
import { plainProblem } from './problem.js'

/** Options of `readBody`. */
export interface ReadBodyOptions {
  /** Bytes; `Infinity` for no bound. A longer body is refused before it is taken in. */
  readonly maxBytes: number
  /** How long it may take until all of it is there; default 10 s. */
  readonly timeout?: Duration
}

const OPTIONS = check.options<check.InMilliseconds<ReadBodyOptions>>({
  maxBytes: check.number({ min: 0, infinite: true }),
  timeout: check.optional(check.duration({ min: '1ms', max: '1h' })),
})

/** Checked, with the defaults; in milliseconds. `invalid_options`. */
export function acceptReadBody(given: ReadBodyOptions): {
  readonly maxBytes: number
  readonly timeoutMs: number
} {
  const { maxBytes, timeout: timeoutMs = 10_000 } = check.accept('readBody', 'options', OPTIONS, given)
  return { maxBytes, timeoutMs }
}

/**
 * The whole body, or the response that refuses it: 413 when it is longer than `maxBytes`, 408 when it is not there in
 * time, 400 when the client left in the middle. Never holds more than `maxBytes` and one chunk.
 *
 * @example
 * import { readBody } from '@devicehub/http'
 *
 * async function handler(request: Request): Promise<Response> {
 *   const body = await readBody(request, { maxBytes: 65_536 })
 *   return body instanceof Response ? body : Response.json({ bytes: body.length })
 * }
 */
export async function readBody(
  request: Request,
  options: ReadBodyOptions,
): Promise<Uint8Array<ArrayBuffer> | Response> {
  const body = await readBodyOf(acceptRequest('readBody', request), options)
  return body instanceof Uint8Array ? body : toResponse(body)
}

/** The same for a plain handler that was called with a web `Request`. */
export async function readBodyOf(
  request: Request,
  options: ReadBodyOptions,
): Promise<Uint8Array<ArrayBuffer> | PlainResponse> {
  const { maxBytes, timeoutMs } = acceptReadBody(options)
  // The header is only a reason to refuse early; what counts are the bytes that come.
  if (Number(request.headers.get('content-length') ?? 0) > maxBytes) return bodyTooLarge(maxBytes)
  if (request.body === null) return new Uint8Array()
  const reader = request.body.getReader()
  const chunks: Uint8Array[] = []
  let length = 0
  let isLate = false
  // Ends a pending read.
  const giveUp = () => void reader.cancel().catch(() => {})
  const timer = setTimeout(() => {
    isLate = true
    giveUp()
  }, timeoutMs)
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (isLate) return bodyTooSlow(timeoutMs)
      if (done) break
      length += value.byteLength
      if (length > maxBytes) {
        giveUp()
        return bodyTooLarge(maxBytes)
      }
      chunks.push(value)
    }
  } catch {
    return bodyIncomplete()
  } finally {
    clearTimeout(timer)
  }
  const body = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    body.set(chunk, at)
    at += chunk.byteLength
  }
  return body
}

export const bodyTooLarge = (maxBytes: number): PlainResponse =>
  plainProblem(413, 'body_too_large', `The body is longer than the ${maxBytes} bytes that are taken here`)

/** The rest of the body may still come: nothing else on this connection can be understood. */
export function bodyTooSlow(timeoutMs: number): PlainResponse {
  const { headers, ...refusal } = plainProblem(
    408,
    'body_too_slow',
    `The body was not there within ${timeoutMs / 1000} s`,
  )
  return { ...refusal, headers: { ...headers, connection: 'close' } }
}

export const bodyIncomplete = (): PlainResponse =>
  plainProblem(400, 'incomplete_body', 'The request ended before its body did')
