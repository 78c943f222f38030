import { STATUS_CODES } from 'node:http'
import { check } from '@devicehub/core'

const PROBLEM = check.options<{ readonly status: number; readonly code: string; readonly detail: string }>({
  status: check.integer({ min: 200, max: 599 }),
  code: check.text({ max: 255 }),
  detail: check.satisfies<string>('a text', (value) => typeof value === 'string'),
})

/** An error as `application/problem+json` (RFC 9457). `code` is for programs, `detail` for people: never a secret. */
export function problem(status: number, code: string, detail: string): Response {
  check.accept('problem', 'arguments', PROBLEM, { status, code, detail })
  const body = { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, code, detail }
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store' },
  })
}
