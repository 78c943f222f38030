import type { Logger } from '@devicehub/core'
import { checkedHandler, type FetchHandler, problem, type RequestInfo, readBody } from '@devicehub/http'
import type { ClaimBounds, ClaimDesk } from './claim-desk.js'
import type { ClaimReply } from './claim-reply.js'

/** Bounds of claims, and how their senders are told apart. */
export interface ClaimHandlerOptions extends ClaimBounds {
  /**
   * Whose failures over HTTP count together. Default: the other end of the socket; behind a proxy, take what it says in a
   * header. Claims without an address are not bounded by it: that is logged, and counted in `stats().claims.withoutAddress`.
   */
  readonly addressOf?: (request: Request, info: RequestInfo | undefined) => string | undefined
}

const BODY_MAX = 4_096
/** For a body of that size. */
const BODY_WITHIN = '10s'
/** What proxies put into requests. */
const OF_PROXIES = ['forwarded', 'x-forwarded-for', 'x-real-ip']

/**
 * `POST {"claim_key","device_id","proof"}`, at whatever path it is mounted. The key is who is asking. A request takes a
 * place once its body is there, so that those that never end keep nobody out.
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
