import type { IncomingMessage, ServerResponse } from 'node:http'
import type { PlainHandler, PlainRequest } from '../plain-handler.js'
import type { PlainResponse } from '../plain-response.js'
import { plainProblem } from '../problem.js'
import { readIncomingBody } from './read-incoming-body.js'
import { wasRead } from './taken-body.js'

/** Without escapes, queries, and whatever else a URL parser would change. */
const PLAIN_PATH = /^\/[\w.~!$&'()*+,;=:@/-]*$/
const DOT_SEGMENT = /\/\.\.?(?:\/|$)/
const PLAIN_HOST = /^[a-z0-9.-]+(?::\d{1,5})?$/
/** Headers of which Node keeps the first only, where a web `Headers` joins them. */
const FIRST_ONLY = new Set(['authorization', 'content-length', 'content-type', 'host', 'user-agent'])
/** Bytes and milliseconds for the rest of a body that was refused, until its connection is closed. */
const DRAIN_BYTES = 64 << 20
const DRAIN_MS = 500

/**
 * Tells which requests may go to a plain handler without a web `Request`: HTTP/1.1 POSTs whose target and host are
 * beyond doubt. All others take the way over fetch, so that there is one reading of what is odd or malformed.
 */
export function createDirectCheck(): (incoming: IncomingMessage) => boolean {
  // Brokers ask at one address: parsing it once is enough.
  let lastHost: string | undefined

  return (incoming) => {
    const { method, url = '', httpVersionMajor, headers } = incoming
    if (method !== 'POST' || httpVersionMajor !== 1 || !PLAIN_PATH.test(url) || DOT_SEGMENT.test(url))
      return false
    // A body parser has taken the body already.
    if (wasRead(incoming) || 'rawBody' in incoming) return false
    if (headers.host === undefined) return false
    if (headers.host !== lastHost) {
      if (!PLAIN_HOST.test(headers.host) || !URL.canParse(`http://${headers.host}/`)) return false
      lastHost = headers.host
    }
    return true
  }
}

/** Never rejects. */
export async function answerDirectly(
  handler: PlainHandler,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  try {
    writePlain(outgoing, await handler(requestOf(incoming)))
  } catch {
    if (!outgoing.headersSent) writePlain(outgoing, internalError())
  }
  if (!incoming.complete) drain(incoming)
}

export const internalError = (): PlainResponse =>
  plainProblem(500, 'internal_error', 'The request could not be answered')

const requestOf = (incoming: IncomingMessage): PlainRequest => ({
  method: 'POST',
  path: incoming.url as string,
  remoteAddress: incoming.socket.remoteAddress,
  header: (name) => headerOf(incoming, name),
  readBody: (options) => readIncomingBody(incoming, headerOf(incoming, 'content-length'), options),
})

function headerOf({ headers, rawHeaders }: IncomingMessage, name: string): string | null {
  const value = headers[name]
  if (typeof value !== 'string') return null
  if (!FIRST_ONLY.has(name)) return value
  const values: string[] = []
  for (let i = 0; i < rawHeaders.length; i += 2)
    if (rawHeaders[i]?.toLowerCase() === name) values.push(rawHeaders[i + 1] as string)
  return values.join(', ')
}

export function writePlain(outgoing: ServerResponse, { status, headers, body }: PlainResponse): void {
  if (body === null) outgoing.writeHead(status, headers).end()
  else outgoing.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body)
}

/** Takes in the rest of the body, so that the client comes to read its answer, but not for long. */
function drain(incoming: IncomingMessage): void {
  let bytes = 0
  const close = () => incoming.socket.destroySoon()
  const timer = setTimeout(close, DRAIN_MS)
  timer.unref()
  const stop = () => clearTimeout(timer)
  incoming.on('data', (chunk: Uint8Array) => {
    bytes += chunk.byteLength
    if (bytes > DRAIN_BYTES) close()
  })
  incoming.on('end', stop).on('error', stop).on('close', stop)
  incoming.resume()
}
