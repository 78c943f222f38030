import type { IncomingMessage, ServerResponse } from 'node:http'
import { getRequestListener, RequestError } from '@hono/node-server'
import { acceptHandler } from '../accept-handler.js'
import type { FetchHandler } from '../fetch-handler.js'
import { malformedRequest, plainHandlerOf } from '../plain-handler.js'
import { toResponse } from '../plain-response.js'
import { problem } from '../problem.js'
import { answerDirectly, createDirectCheck, internalError } from './direct-path.js'

/** No `Request` can have these methods: it throws when its body is read. */
const WITHOUT_REQUEST = ['CONNECT', 'TRACE', 'TRACK']

/**
 * For plain Node.
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
  if (plain === undefined) return overFetch
  const isDirect = createDirectCheck()
  return (request, response) =>
    isDirect(request) ? answerDirectly(plain, request, response) : overFetch(request, response)
}

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
