import { check } from '@devicehub/core'
import { acceptRequest } from './checked-handler.js'
import { problem } from './problem.js'

export interface ReadBodyOptions {
  /** A longer body is refused before it is taken in. */
  readonly maxBytes: number
  /** Seconds until all of it has to be there; default 10. */
  readonly timeout?: number
}

const OPTIONS = check.options<ReadBodyOptions>({
  maxBytes: check.number({ min: 0, infinite: true }),
  timeout: check.optional(check.number({ above: 0, max: 0x7fffffff / 1000 })),
})

/**
 * The whole body, or the response that refuses it: 413 when it is longer than `maxBytes`, 408 when it is not there in
 * time, 400 when the client left in the middle. Never holds more than `maxBytes` and one chunk.
 */
export async function readBody(
  given: Request,
  options: ReadBodyOptions,
): Promise<Uint8Array<ArrayBuffer> | Response> {
  const request = acceptRequest('readBody', given)
  const { maxBytes, timeout = 10 } = check.accept('readBody', 'options', OPTIONS, options)
  // What the header says is only a reason to refuse early; what comes is counted.
  if (Number(request.headers.get('content-length') ?? 0) > maxBytes) return tooLarge(maxBytes)
  if (request.body === null) return new Uint8Array()
  const reader = request.body.getReader()
  const chunks: Uint8Array[] = []
  let length = 0
  let isLate = false
  // It ends a read that is pending.
  const giveUp = () => void reader.cancel().catch(() => {})
  const timer = setTimeout(() => {
    isLate = true
    giveUp()
  }, timeout * 1000)
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (isLate) return tooSlow(timeout)
      if (done) break
      length += value.byteLength
      if (length > maxBytes) {
        giveUp()
        return tooLarge(maxBytes)
      }
      chunks.push(value)
    }
  } catch {
    return problem(400, 'incomplete_body', 'The request ended before its body did')
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

const tooLarge = (maxBytes: number): Response =>
  problem(413, 'body_too_large', `The body is longer than the ${maxBytes} bytes that are taken here`)

/** The rest of the body may still come: on this connection nothing else can be understood. */
function tooSlow(timeout: number): Response {
  const refusal = problem(408, 'body_too_slow', `The body was not there within ${timeout} s`)
  refusal.headers.set('connection', 'close')
  return refusal
}
