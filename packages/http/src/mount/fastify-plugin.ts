import type { IncomingMessage, ServerResponse } from 'node:http'
import { acceptHandler } from '../accept-handler.js'
import type { FetchHandler } from '../fetch-handler.js'
import { nodeListener } from './node-listener.js'

/** What is used of a Fastify instance. */
export interface FastifyScope {
  /** Where the plugin is mounted: `/devicehub`. */
  readonly prefix: string
  /** Takes those away that were inherited. */
  removeAllContentTypeParsers(): unknown
  /** Leaves bodies to the handler. */
  addContentTypeParser(
    contentType: string,
    parser: (request: never, payload: never, done: (error: Error | null) => void) => void,
  ): unknown
  /** Routes every method below a path. */
  all(
    path: string,
    route: (request: { raw: IncomingMessage }, reply: { raw: ServerResponse; hijack(): unknown }) => unknown,
  ): unknown
}

/**
 * For Fastify 5. Body parsers and their limits do not apply within it, and nothing outside of it changes.
 *
 * @example
 * import { fastifyPlugin } from '@devicehub/http'
 * import Fastify from 'fastify'
 *
 * const handler = async (request: Request) => Response.json({ path: new URL(request.url).pathname })
 * const app = Fastify()
 * await app.register(fastifyPlugin(handler), { prefix: '/devicehub' })
 */
export function fastifyPlugin(handler: FetchHandler): (scope: FastifyScope) => Promise<void> {
  const listener = nodeListener(acceptHandler('fastifyPlugin', handler))
  return async (scope) => {
    scope.removeAllContentTypeParsers()
    // The handler reads the stream itself, whatever is in it.
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
    const levels = scope.prefix.split('/').length - 1
    scope.all('/*', (request, reply) => {
      reply.hijack()
      request.raw.url = withoutLevels(request.raw.url ?? '/', levels)
      return listener(request.raw, reply.raw)
    })
  }
}

/** By number, since a level of the prefix may be a parameter; behind the origin, which the target may begin with. */
function withoutLevels(url: string, levels: number): string {
  const [origin = ''] = /^https?:\/\/[^/?#]*/i.exec(url) ?? []
  return origin + pathWithout(url.slice(origin.length), levels)
}

function pathWithout(url: string, levels: number): string {
  let at = 0
  for (let i = 0; i < levels; i++) at = url.indexOf('/', at + 1)
  return at === -1 ? '/' : url.slice(at)
}
