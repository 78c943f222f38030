import type { IncomingMessage, ServerResponse } from 'node:http'
import { consoleLogger } from '@devicehub/core'
import { getRequestListener, RequestError } from '@hono/node-server'
import { acceptHandler } from '../accept-handler.js'
import type { FetchHandler } from '../fetch-handler.js'
import { malformedRequest, plainHandlerOf } from '../plain-handler.js'
import { toResponse } from '../plain-response.js'
import { problem } from '../problem.js'
import { answerDirectly, createDirectCheck, internalError, writePlain } from './direct-path.js'
import { BODY_TAKEN, bodyTaken, isBodyTaken } from './taken-body.js'

/** No `Request` can have these methods: it throws when its body is read. */
const WITHOUT_REQUEST = ['CONNECT', 'TRACE', 'TRACK']

/**
 * For plain Node. If something else has read the body of a request before, the answer is 500 (`body_already_read`), and
 * one line on standard error says so: in Express use `expressHandler`.
 *
 * @example
 * import http from 'node:http'
 * import { nodeListener } from '@devicehub/http'
 *
 * const handler = async (request: Request) => Response.json({ path: new URL(request.url).pathname })
 * http.createServer(nodeListener(handler)).listen(3000)
 */
export function nodeListener(
  handler: FetchHandler,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  acceptHandler('nodeListener', handler)
  const overFetch = fetchListener(handler)
  const plain = plainHandlerOf(handler)
  const isDirect = createDirectCheck()
  let isLogged = false
  return async (request, response) => {
    if (isBodyTaken(request)) {
      // Each request has the same cause, the order of the middleware: one line is enough.
      if (!isLogged) consoleLogger.error({ method: request.method, path: pathOf(request) }, BODY_TAKEN)
      isLogged = true
      return writePlain(response, bodyTaken())
    }
    if (plain !== undefined && isDirect(request)) return answerDirectly(plain, request, response)
    return overFetch(request, response)
  }
}

/** Without the query, which may hold secrets. */
const pathOf = ({ url = '' }: IncomingMessage): string => url.replace(/[?#].*/s, '').slice(0, 200)

const fetchListener = (handler: FetchHandler) =>
  getRequestListener(
    async (request, { incoming }) => {
      if (WITHOUT_REQUEST.includes(request.method)) return notImplemented(request.method)
      try {
        return await handler(request, { remoteAddress: incoming.socket.remoteAddress })
      } catch {
        return failed()
      }
    },
    {
      // A library must not replace the globals of its process.
      overrideGlobalObjects: false,
      // An error of the handler does not come here: no `Request` can be made of this one.
      errorHandler: (error) => (error instanceof RequestError ? toResponse(malformedRequest()) : failed()),
    },
  )

const failed = () => toResponse(internalError())

const notImplemented = (method: string) =>
  problem(501, 'method_not_implemented', `${method} is not answered here`)
