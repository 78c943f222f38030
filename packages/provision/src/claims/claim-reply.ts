import { STATUS_CODES } from 'node:http'
import { type Clock, isDeviceHubError, isRetryable, type Logger } from '@devicehub/core'
import { createLimitedLines, isStorageFault } from '@devicehub/core/transport'
import type { Claimed, ClaimRequest } from './claim.js'

/** The answer to a device: over HTTP the status and the body, over MQTT the body alone. */
export interface ClaimReply {
  readonly status: number
  readonly body: object
  /** Seconds. */
  readonly retryAfter?: number
}

export type Claim = (request: ClaimRequest) => Promise<Claimed>

/** Answers the text of a request. Never rejects. Gives no reason for a refusal. */
export function claimReply(
  claim: Claim,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
) {
  // When the database is unavailable, every claim of a fleet fails.
  const limited = createLimitedLines({ clock, onOverflow() {} })

  return async (text: string): Promise<ClaimReply> => {
    try {
      return { status: 200, body: toBody(await claim(parseRequest(text))) }
    } catch (error) {
      if (error instanceof NotJson) return refusal(400, 'invalid_payload', error.message)
      if (isDeviceHubError(error, 'invalid_payload')) return refusal(400, 'invalid_payload', error.message)
      if (isDeviceHubError(error, 'claim_refused')) return refusal(403, 'claim_refused', REFUSED)
      limited(isDeviceHubError(error) ? error.code : 'unknown', (suppressed) =>
        logger.error({ err: error, ...(suppressed > 0 && { suppressed }) }, 'a claim failed'),
      )
      if (isRetryable(error) || isStorageFault(error) || isDeviceHubError(error, 'queue_full'))
        return unavailable()
      return refusal(500, 'internal_error', 'The claim could not be decided')
    }
  }
}

export const unavailable = (): ClaimReply =>
  refusal(503, 'unavailable', 'The claim cannot be decided now; try again with the same proof', 5)

const REFUSED = 'The claim key is not valid, or not for this device'

export function refusal(status: number, code: string, detail: string, retryAfter?: number): ClaimReply {
  const body = { type: 'about:blank', title: STATUS_CODES[status], status, code, detail }
  return { status, body, ...(retryAfter === undefined ? {} : { retryAfter }) }
}

class NotJson extends Error {}

/** The parts are checked by the claim itself. */
function parseRequest(text: string): ClaimRequest {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    // The parser's message quotes the text, and with it the key.
    throw new NotJson('The request is not JSON')
  }
  if (typeof parsed !== 'object' || parsed === null)
    throw new NotJson('The request must be a JSON object with claim_key, device_id and proof')
  const { claim_key: key, device_id: deviceId, proof } = parsed as Record<string, string>
  return { key, deviceId, proof } as ClaimRequest
}

function toBody({ deviceId, credentials, topics }: Claimed): object {
  return {
    device_id: deviceId,
    credentials: {
      mqtt_username: credentials.username,
      mqtt_password: credentials.password,
      client_id: credentials.clientId,
      api_key: credentials.apiKey,
    },
    topics,
  }
}
