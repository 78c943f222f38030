import type { FetchHandler, RequestInfo } from '../fetch-handler.js'
import { problem } from '../problem.js'
import { readBody } from '../read-body.js'

export interface Echo {
  readonly method: string
  readonly path: string
  readonly search: string
  readonly type: string | null
  readonly body: string
  readonly info: RequestInfo
}

export interface EchoHandler {
  readonly handler: FetchHandler
  /** Requests at `/wait`, which is never answered; aborted ones are marked. */
  readonly waiting: { aborted: boolean }[]
}

/** Tells what it received; `/broken` throws, `/wait` waits for its client to leave. */
export function echoHandler(): EchoHandler {
  const waiting: { aborted: boolean }[] = []
  return {
    waiting,
    async handler(request, info = {}) {
      const { pathname, search } = new URL(request.url)
      if (pathname === '/broken') throw new Error('a secret of the handler')
      if (pathname === '/wait') return wait(request)
      const body = await readBody(request, { maxBytes: 1000 })
      if (body instanceof Response) return body
      const echo: Echo = {
        method: request.method,
        path: pathname,
        search,
        type: request.headers.get('content-type'),
        body: new TextDecoder().decode(body),
        info,
      }
      return Response.json(echo)
    },
  }

  async function wait(request: Request): Promise<Response> {
    const entry = { aborted: false }
    waiting.push(entry)
    await new Promise((resolve) => request.signal.addEventListener('abort', resolve))
    entry.aborted = true
    return problem(499, 'client_left', 'The client has left')
  }
}
