import { acceptHandler } from '../accept-handler.js'
import type { FetchHandler } from '../fetch-handler.js'

/** As `@hono/node-server` fills it; other servers have no socket to tell of. */
interface Bindings {
  readonly incoming?: { readonly socket?: { readonly remoteAddress?: string } }
}

/**
 * For Hono's `mount`, which strips the prefix.
 *
 * @example
 * import { honoHandler } from '@devicehub/http'
 * import { Hono } from 'hono'
 *
 * const handler = async (request: Request) => Response.json({ path: new URL(request.url).pathname })
 * const app = new Hono()
 * app.mount('/devicehub', honoHandler(handler))
 */
export function honoHandler(handler: FetchHandler): (request: Request, env?: unknown) => Promise<Response> {
  acceptHandler('honoHandler', handler)
  return (request, env) =>
    handler(request, { remoteAddress: (env as Bindings | undefined)?.incoming?.socket?.remoteAddress })
}
