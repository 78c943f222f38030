import { problem } from './problem.js'

export interface ReadBodyOptions {
  /** A longer body is refused before it is taken in. */
  readonly maxBytes: number
}

/**
 * The whole body, or the response that refuses it: 413 when it is longer than `maxBytes`, 400 when the client left in
 * the middle. Never holds more than `maxBytes` and one chunk.
 */
export async function readBody(
  request: Request,
  { maxBytes }: ReadBodyOptions,
): Promise<Uint8Array<ArrayBuffer> | Response> {
  // What the header says is only a reason to refuse early; what comes is counted.
  if (Number(request.headers.get('content-length') ?? 0) > maxBytes) return tooLarge(maxBytes)
  if (request.body === null) return new Uint8Array()
  const reader = request.body.getReader()
  const chunks: Uint8Array[] = []
  let length = 0
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      length += value.byteLength
      if (length > maxBytes) {
        void reader.cancel().catch(() => {})
        return tooLarge(maxBytes)
      }
      chunks.push(value)
    }
  } catch {
    return problem(400, 'incomplete_body', 'The request ended before its body did')
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
