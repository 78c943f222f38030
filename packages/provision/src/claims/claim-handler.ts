import type { Clock, Logger } from '@devicehub/core'
import { type FetchHandler, problem, type RequestInfo, readBody } from '@devicehub/http'
import { createAttempts } from './attempts.js'
import { type Claim, claimReply } from './claim-reply.js'

export interface ClaimHandlerOptions {
  /**
   * Refused claims a minute of one address (of IPv6: one /64); default 30. Past it the answer is 429. As many of one
   * address are decided at once.
   */
  readonly maxFailures?: number
  /** Claims being decided at once; default 1,000. Past it the answer is 503. */
  readonly maxPending?: number
  /**
   * Whose failures count together. Default: the other end of the socket; behind a proxy, take what it says in a header.
   * Claims without an address are not bounded by it: that is logged, and counted in `stats().claims.withoutAddress`.
   */
  readonly addressOf?: (request: Request, info: RequestInfo | undefined) => string | undefined
}

export interface ClaimStats {
  /** Given credentials. */
  readonly claimed: number
  /** Refused, malformed and incomplete ones. */
  readonly refused: number
  /** Not looked at, since too many of their address were refused (429) or too many were under way (503). */
  readonly blocked: number
  /** Came without an address, so that nothing bounds who sends them: see `claimHandler.addressOf`. */
  readonly withoutAddress: number
}

/** Addresses whose failures are remembered: a few megabytes. */
const ADDRESSES = 20_000
const BODY_MAX = 4_096
/** Seconds for a body of that size. */
const BODY_WITHIN = 10
/** Claims that wait for others of their address; milliseconds that they do. */
const WAITING_MAX = 10_000
const PATIENCE = 10_000
/** What proxies put into requests. */
const OF_PROXIES = ['forwarded', 'x-forwarded-for', 'x-real-ip']

export interface ClaimHandlerContext {
  readonly claim: Claim
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * `POST {"claim_key","device_id","proof"}`, at whatever path it is mounted. The key is who is asking. A request takes a
 * place once its body is there, so that those that never end keep nobody out.
 */
export function createClaimHandler(
  { claim, clock, logger }: ClaimHandlerContext,
  { maxFailures = 30, maxPending = 1_000, addressOf }: ClaimHandlerOptions,
): { readonly handler: FetchHandler; stats(): ClaimStats } {
  const attempts = createAttempts({
    clock,
    perMinute: maxFailures,
    max: ADDRESSES,
    maxWaiting: WAITING_MAX,
    patience: PATIENCE,
  })
  const counts = { claimed: 0, refused: 0, blocked: 0, withoutAddress: 0 }
  let pending = 0
  let saidMissing = false
  let saidProxy = false

  function findAddress(request: Request, info: RequestInfo | undefined): string | null {
    const address = addressOf === undefined ? info?.remoteAddress : addressOf(request, info)
    if (address === undefined || address === '') {
      counts.withoutAddress++
      if (!saidMissing)
        logger.error(
          {},
          'claims come without the address of their sender: nobody who tries keys is held back. Mount the handler with nodeListener, expressHandler or fastifyPlugin, or give createProvisioner(hub, { claimHandler: { addressOf } })',
        )
      saidMissing = true
      return null
    }
    if (addressOf === undefined && !saidProxy && OF_PROXIES.some((name) => request.headers.has(name))) {
      saidProxy = true
      logger.warn(
        { address },
        'claims come through a proxy: the failures of all devices behind it count as those of one. Give createProvisioner(hub, { claimHandler: { addressOf } }) that takes the address from the header which your proxy sets',
      )
    }
    return address
  }

  async function decide(
    body: Uint8Array,
  ): Promise<{ readonly response: Response; readonly refused: boolean }> {
    pending++
    try {
      const { status, body: answer } = await claimReply(claim, new TextDecoder().decode(body), logger)
      const refused = status >= 400 && status < 500
      if (status === 200) counts.claimed++
      if (refused) counts.refused++
      const response = new Response(JSON.stringify(answer), {
        status,
        headers: {
          'content-type': status === 200 ? 'application/json' : 'application/problem+json',
          'cache-control': 'no-store',
          ...(status === 503 ? { 'retry-after': '5' } : {}),
        },
      })
      return { response, refused }
    } finally {
      pending--
    }
  }

  function block(seconds: number | null): Response {
    counts.blocked++
    const [status, code, detail] =
      seconds === null
        ? [503, 'unavailable', 'Too many claims are under way; try again']
        : [429, 'too_many_failures', `Too many claims were refused; try again in ${seconds} s`]
    const refusal = problem(status as number, code as string, detail as string)
    refusal.headers.set('retry-after', String(seconds ?? 5))
    return refusal
  }

  async function answer(request: Request, info: RequestInfo | undefined): Promise<Response> {
    const address = findAddress(request, info)
    const body = await readBody(request, { maxBytes: BODY_MAX, timeout: BODY_WITHIN })
    if (body instanceof Response) {
      counts.refused++
      if (address !== null) attempts.failed(address)
      return body
    }
    if (address === null) return pending >= maxPending ? block(null) : (await decide(body)).response
    const leave = await attempts.begin(address)
    if (typeof leave !== 'function') return block(leave.blocked === 'failures' ? leave.seconds : null)
    let wasRefused = false
    try {
      if (pending >= maxPending) return block(null)
      const { response, refused } = await decide(body)
      wasRefused = refused
      return response
    } finally {
      leave(wasRefused)
    }
  }

  return {
    async handler(request, info) {
      if (request.method === 'POST') return answer(request, info)
      const refusal = problem(405, 'method_not_allowed', 'A claim is a POST')
      refusal.headers.set('allow', 'POST')
      return refusal
    },
    stats: () => ({ ...counts }),
  }
}
