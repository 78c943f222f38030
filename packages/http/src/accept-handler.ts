import * as check from '@devicehub/core/check'
import type { FetchHandler } from './fetch-handler.js'

/** `invalid_options`, when it is mounted and not with the first request. */
export const acceptHandler = (call: string, handler: unknown): FetchHandler =>
  check.accept(call, 'handler', check.callback<FetchHandler>(), handler)
