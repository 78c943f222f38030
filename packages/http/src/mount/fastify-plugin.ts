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
  /** A `PreParsingHook`: Fastify's own types of it differ by schema, logger and type provider. */
  addHook(name: 'preParsing', hook: never): unknown
  /** Routes every method below a path. */
  all(
    path: string,
    route: (request: { raw: IncomingMessage }, reply: { raw: ServerResponse; hijack(): unknown }) => unknown,
  ): unknown
}

type PreParsingHook = (
  request: { raw: IncomingMessage },
  reply: unknown,
  payload: unknown,
  done: (error?: Error | null) => void,
) => void

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
    const preParsing: PreParsingHook = ({ raw }, _reply, _payload, done) => {
      hideMalformedType(raw)
      done()
    }
    scope.addHook('preParsing', preParsing as never)
    const levels = scope.prefix.split('/').length - 1
    scope.all('/*', (request, reply) => {
      reply.hijack()
      showMalformedType(request.raw)
      request.raw.url = withoutLevels(request.raw.url ?? '/', levels)
      return listener(request.raw, reply.raw)
    })
  }
}

const MEDIA_TYPE = /^\s*[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+\s*(;.*)?$/
const malformedTypes = new WeakMap<IncomingMessage, string>()

/**
 * Fastify answers a malformed content type itself, with a 415 in its own words, and asks no parser and no hook. The handler
 * decides about it, as in the other frameworks, and after the application's own hooks.
 */
function hideMalformedType(request: IncomingMessage): void {
  const type = request.headers['content-type']
  if (type === undefined || MEDIA_TYPE.test(type)) return
  malformedTypes.set(request, type)
  request.headers['content-type'] = 'application/octet-stream'
}

function showMalformedType(request: IncomingMessage): void {
  const type = malformedTypes.get(request)
  if (type !== undefined) request.headers['content-type'] = type
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
