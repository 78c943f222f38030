import type { IncomingMessage } from 'node:http'
import { plainProblem } from '../problem.js'

/** Nothing comes out of the stream any more, or only a part. */
export const wasRead = (incoming: IncomingMessage): boolean =>
  incoming.readableDidRead || incoming.readableEnded

/** The body was read before and is kept nowhere: the handler would get an empty one. */
export function isBodyTaken(incoming: IncomingMessage): boolean {
  if (!wasRead(incoming) || (incoming as { rawBody?: unknown }).rawBody instanceof Buffer) return false
  const { method, headers } = incoming
  // A `Request` of these two methods has no body.
  if (method === 'GET' || method === 'HEAD') return false
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

export const BODY_TAKEN =
  'The body of the request was read before it reached this handler. In Express, mount the handler with ' +
  'expressHandler, or before express.json() and other middleware that reads bodies'

/** A fault of this side, which the client cannot mend. */
export const bodyTaken = () => plainProblem(500, 'body_already_read', BODY_TAKEN)
