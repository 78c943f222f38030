import type { Clock, Logger } from '@devicehub/core'
import { type FetchHandler, problem, type RequestInfo, readBody } from '@devicehub/http'
import { createAttempts } from './attempts.js'
import { type Claim, claimReply } from './claim-reply.js'

export interface ClaimHandlerOptions {
  /** Refused claims a minute of one address (of IPv6: one /64); default 30. Past it the answer is 429. */
  readonly maxFailures?: number
  /** Claims under way at once; default 1,000. Past it the answer is 503. */
  readonly maxPending?: number
  /** Whose failures count together. Default: the other end of the socket; behind a proxy, take what it says in a header. */
  readonly addressOf?: (request: Request, info: RequestInfo | undefined) => string | undefined
}

/** Addresses whose failures are remembered: a few megabytes. */
const ADDRESSES = 20_000
const BODY_MAX = 4_096

export interface ClaimHandlerContext {
  readonly claim: Claim
  readonly clock: Clock
  readonly logger: Logger
}

/** `POST {"claim_key","device_id","proof"}`, at whatever path it is mounted. The key is who is asking. */
export function createClaimHandler(
  { claim, clock, logger }: ClaimHandlerContext,
  {
    maxFailures = 30,
    maxPending = 1_000,
    addressOf = (_request, info) => info?.remoteAddress,
  }: ClaimHandlerOptions,
): FetchHandler {
  const attempts = createAttempts({ clock, perMinute: maxFailures, max: ADDRESSES })
  let pending = 0

  async function answer(request: Request, address: string): Promise<Response> {
    const body = await readBody(request, { maxBytes: BODY_MAX })
    if (body instanceof Response) {
      attempts.failed(address)
      return body
    }
    const reply = await claimReply(claim, new TextDecoder().decode(body), logger)
    if (reply.status >= 400 && reply.status < 500) attempts.failed(address)
    return new Response(JSON.stringify(reply.body), {
      status: reply.status,
      headers: {
        'content-type': reply.status === 200 ? 'application/json' : 'application/problem+json',
        'cache-control': 'no-store',
        ...(reply.status === 503 ? { 'retry-after': '5' } : {}),
      },
    })
  }

  return async (request, info) => {
    if (request.method !== 'POST') {
      const refusal = problem(405, 'method_not_allowed', 'A claim is a POST')
      refusal.headers.set('allow', 'POST')
      return refusal
    }
    const address = addressOf(request, info) ?? 'unknown'
    const wait = attempts.blockedFor(address)
    if (wait !== null) {
      const refusal = problem(
        429,
        'too_many_failures',
        `Too many claims were refused; try again in ${wait} s`,
      )
      refusal.headers.set('retry-after', String(wait))
      return refusal
    }
    if (pending >= maxPending) return problem(503, 'unavailable', 'Too many claims are under way; try again')
    pending++
    try {
      return await answer(request, address)
    } finally {
      pending--
    }
  }
}
