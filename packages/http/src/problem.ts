import { STATUS_CODES } from 'node:http'
import * as check from '@devicehub/core/check'
import { type PlainResponse, toResponse } from './plain-response.js'

const PROBLEM = check.options<{ readonly status: number; readonly code: string; readonly detail: string }>({
  status: check.integer({ min: 200, max: 599 }),
  code: check.text({ max: 255 }),
  detail: check.satisfies<string>('a text', (value) => typeof value === 'string'),
})

/**
 * An error as `application/problem+json` (RFC 9457). `status` is from 200 to 599; `code` is for programs, `detail` for
 * people: never a secret.
 *
 * @example
 * import { problem } from '@devicehub/http'
 *
 * const handler = async (request: Request) =>
 *   problem(404, 'not_found', `Nothing is served at ${new URL(request.url).pathname}`)
 */
export function problem(status: number, code: string, detail: string): Response {
  check.accept('problem', 'arguments', PROBLEM, { status, code, detail })
  return toResponse(problemOf(status, code, detail))
}

/** The same for a plain handler. */
export function plainProblem(status: number, code: string, detail: string): PlainResponse {
  check.accept('plainProblem', 'arguments', PROBLEM, { status, code, detail })
  return problemOf(status, code, detail)
}

function problemOf(status: number, code: string, detail: string): PlainResponse {
  const body = { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, code, detail }
  return {
    status,
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store' },
    body: JSON.stringify(body),
  }
}
