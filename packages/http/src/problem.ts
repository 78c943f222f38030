import { STATUS_CODES } from 'node:http'

/** An error as `application/problem+json` (RFC 9457). `code` is for programs, `detail` for people: never a secret. */
export function problem(status: number, code: string, detail: string): Response {
  const body = { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, code, detail }
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store' },
  })
}
