import * as check from '@devicehub/core/check'
import type { FetchHandler, RequestInfo } from './fetch-handler.js'

const REQUEST = check.satisfies<Request>('a Request', (value) => {
  const { method, url, headers } = value as Partial<Request>
  return (
    typeof method === 'string' &&
    typeof url === 'string' &&
    typeof (headers as Partial<Headers> | undefined)?.get === 'function'
  )
})

const INFO = check.partOf<RequestInfo>(
  { remoteAddress: check.optional(check.text({ min: 0, max: 255 })) },
  'what a server knows of a request',
)

/** For who writes a surface: looks at the request and what comes with it, which a server of the application's brings. */
export const checkedHandler = (
  call: string,
  handler: (request: Request, info: RequestInfo) => Promise<Response>,
): FetchHandler => {
  const name = check.accept('checkedHandler', 'call', check.text({ max: 255 }), call)
  const answer = check.accept('checkedHandler', 'handler', check.callback<typeof handler>(), handler)
  return async (request, info = {}) =>
    answer(check.accept(name, 'request', REQUEST, request), check.accept(name, 'info', INFO, info))
}

export const acceptRequest = (call: string, request: unknown): Request =>
  check.accept(call, 'request', REQUEST, request)
