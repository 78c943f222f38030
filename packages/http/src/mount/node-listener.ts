import type { IncomingMessage, ServerResponse } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { acceptHandler } from '../accept-handler.js'
import type { FetchHandler } from '../fetch-handler.js'
import { problem } from '../problem.js'

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
    (request, { incoming }) => handler(request, { remoteAddress: incoming.socket.remoteAddress }),
    {
      // The globals of the process are not a library's to replace.
      overrideGlobalObjects: false,
      errorHandler: () => problem(500, 'internal_error', 'The request could not be answered'),
    },
  )
}
