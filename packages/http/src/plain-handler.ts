import * as check from '@devicehub/core/check'
import { checkedHandler } from './checked-handler.js'
import type { FetchHandler } from './fetch-handler.js'
import { type PlainResponse, toResponse } from './plain-response.js'
import { plainProblem } from './problem.js'
import { type ReadBodyOptions, readBodyOf } from './read-body.js'

/** A request without a web `Request` around it: what small JSON and form endpoints need, and nothing that costs more. */
export interface PlainRequest {
  /** In capitals: `POST`. */
  readonly method: string
  /** The path of the URL, still percent-encoded, without the query: `/emqx/authn`. */
  readonly path: string
  /** The address of the socket's other end: of the client, or of the proxy before it. */
  readonly remoteAddress: string | undefined
  /** Null: there is none. `name` in small letters; the values of a repeated header are joined by `, `. */
  header(name: string): string | null
  /** The whole body, or the answer that refuses it; as `readBody`. To be called once. */
  readBody(options: ReadBodyOptions): Promise<Uint8Array | PlainResponse>
}

/** Answers every request. What it throws is answered with 500. */
export type PlainHandler = (request: PlainRequest) => Promise<PlainResponse>

/** Beside the fetch handlers, not on them: nobody else is to call what does not check its arguments. */
const plainHandlers = new WeakMap<FetchHandler, PlainHandler>()

/**
 * For who writes a surface: one handler, mounted as a fetch handler anywhere. In plain Node, Express and Fastify it is
 * called without a `Request`, a `Response` and their streams, which saves about half of the processor time. `call` names it in
 * errors.
 *
 * @example
 * import http from 'node:http'
 * import { nodeListener, plainHandler } from '@devicehub/http'
 *
 * const handler = plainHandler('ping', async ({ path }) => ({ status: 200, headers: {}, body: path }))
 * http.createServer(nodeListener(handler)).listen(8081)
 */
export function plainHandler(call: string, handler: PlainHandler): FetchHandler {
  const name = check.accept('plainHandler', 'call', check.text({ max: 255 }), call)
  const answer = check.accept('plainHandler', 'handler', check.callback<PlainHandler>(), handler)
  const fetch = checkedHandler(name, async (request, { remoteAddress }) => {
    const path = pathOf(request.url)
    if (path === null) return toResponse(malformedRequest())
    return toResponse(
      await answer({
        method: request.method,
        path,
        remoteAddress,
        header: (wanted) => request.headers.get(wanted),
        readBody: (options) => readBodyOf(request, options),
      }),
    )
  })
  plainHandlers.set(fetch, answer)
  return fetch
}

/** The plain handler behind a fetch handler; undefined where there is none. */
export const plainHandlerOf = (handler: FetchHandler): PlainHandler | undefined => plainHandlers.get(handler)

export const malformedRequest = (): PlainResponse =>
  plainProblem(
    400,
    'malformed_request',
    'The target of the request or its Host header is missing or malformed',
  )

function pathOf(url: string): string | null {
  try {
    return new URL(url).pathname
  } catch {
    return null
  }
}
