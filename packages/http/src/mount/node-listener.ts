import type { IncomingMessage, ServerResponse } from 'node:http'
import { getRequestListener, RequestError } from '@hono/node-server'
import { acceptHandler } from '../accept-handler.js'
import type { FetchHandler } from '../fetch-handler.js'
import { problem } from '../problem.js'

/** What no `Request` can have: it throws when its body is read. */
const WITHOUT_REQUEST = ['CONNECT', 'TRACE', 'TRACK']

/**
 * For plain Node.
 *
 * @example
 * http.createServer(nodeListener(handler)).listen(3000)
 */
export function nodeListener(
  handler: FetchHandler,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  acceptHandler('nodeListener', handler)
  return getRequestListener(
    async (request, { incoming }) => {
      if (WITHOUT_REQUEST.includes(request.method)) return notImplemented(request.method)
      try {
        return await handler(request, { remoteAddress: incoming.socket.remoteAddress })
      } catch {
        return failed()
      }
    },
    {
      // The globals of the process are not a library's to replace.
      overrideGlobalObjects: false,
      // What the handler throws does not come here: this is a request of which no `Request` can be made.
      errorHandler: (error) => (error instanceof RequestError ? malformed() : failed()),
    },
  )
}

const failed = () => problem(500, 'internal_error', 'The request could not be answered')

const notImplemented = (method: string) =>
  problem(501, 'method_not_implemented', `${method} is not answered here`)

const malformed = () =>
  problem(400, 'malformed_request', 'The target of the request or its Host header is missing or malformed')
