import type { IncomingMessage, ServerResponse } from 'node:http'
import { acceptHandler } from '../accept-handler.js'
import type { FetchHandler } from '../fetch-handler.js'
import { nodeListener } from './node-listener.js'

/** As body parsers leave it. */
type ParsedMessage = IncomingMessage & { body?: unknown; rawBody?: unknown }

/**
 * For Express 5, before or behind `express.json()`. Answers everything below where it is mounted: what it does not know
 * is its 404, and never comes to the middleware after it.
 *
 * @example
 * import { expressHandler } from '@devicehub/http'
 * import express from 'express'
 *
 * const handler = async (request: Request) => Response.json({ path: new URL(request.url).pathname })
 * const app = express()
 * app.use('/devicehub', expressHandler(handler))
 */
export function expressHandler(
  handler: FetchHandler,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const listener = nodeListener(acceptHandler('expressHandler', handler))
  return (request: ParsedMessage, response) => {
    // A parser has taken the body out of the stream: it is made again from what the parser found in it.
    if (request.readableEnded && request.body !== undefined && !(request.rawBody instanceof Buffer))
      request.rawBody = encode(request.body, request.headers['content-type'] ?? '')
    return listener(request, response)
  }
}

function encode(body: unknown, contentType: string): Buffer {
  if (Buffer.isBuffer(body)) return body
  if (typeof body === 'string' && !isJson(contentType)) return Buffer.from(body)
  if (contentType.startsWith('application/x-www-form-urlencoded')) return Buffer.from(formOf(body))
  return Buffer.from(JSON.stringify(body))
}

const isJson = (contentType: string): boolean => /^application\/([\w.+-]+\+)?json\b/i.test(contentType)

function formOf(body: unknown): string {
  const form = new URLSearchParams()
  for (const [name, value] of Object.entries(Object(body)))
    for (const each of Array.isArray(value) ? value : [value]) form.append(name, String(each))
  return form.toString()
}
