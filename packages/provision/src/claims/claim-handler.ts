import type { Logger } from '@devicehub/core'
import { checkedHandler, type FetchHandler, problem, type RequestInfo, readBody } from '@devicehub/http'
import type { ClaimBounds, ClaimDesk } from './claim-desk.js'
import type { ClaimReply } from './claim-reply.js'

/** Limits of claims, and how senders are distinguished. */
export interface ClaimHandlerOptions extends ClaimBounds {
  /**
   * The address by which failures over HTTP are counted. Default: the other end of the socket; behind a proxy, return the
   * address that it sends in a header. No limit per sender applies to claims without an address: that is logged, and counted
   * in `stats().claims.withoutAddress`.
   */
  readonly addressOf?: (request: Request, info: RequestInfo | undefined) => string | undefined
}

const BODY_MAX = 4_096
/** Enough for a body of that size. */
const BODY_WITHIN = '10s'
/** Headers that proxies add. */
const OF_PROXIES = ['forwarded', 'x-forwarded-for', 'x-real-ip']

/**
 * `POST {"claim_key","device_id","proof"}`, at whatever path it is mounted. The key authenticates the request. A request
 * counts as running once its body is complete, so that requests that never end do not block others.
 */
export function createClaimHandler(
  desk: ClaimDesk,
  logger: Logger,
  { addressOf }: Pick<ClaimHandlerOptions, 'addressOf'>,
): FetchHandler {
  let saidMissing = false
  let saidProxy = false

  function findAddress(request: Request, info: RequestInfo | undefined): string | null {
    const address = addressOf === undefined ? info?.remoteAddress : addressOf(request, info)
    if (typeof address !== 'string' || address === '') {
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

  async function answer(request: Request, info: RequestInfo | undefined): Promise<Response> {
    const address = findAddress(request, info)
    const body = await readBody(request, { maxBytes: BODY_MAX, timeout: BODY_WITHIN })
    if (!(body instanceof Response))
      return toResponse(await desk.answer(address, new TextDecoder().decode(body)))
    desk.unreadable(address)
    return body
  }

  return checkedHandler('claimHandler', async (request, info) => {
    if (request.method === 'POST') return answer(request, info)
    const refusal = problem(405, 'method_not_allowed', 'A claim is a POST')
    refusal.headers.set('allow', 'POST')
    return refusal
  })
}

function toResponse({ status, body, retryAfter }: ClaimReply): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      'content-type': status === 200 ? 'application/json' : 'application/problem+json',
      'cache-control': 'no-store',
      ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
    },
  })
}
