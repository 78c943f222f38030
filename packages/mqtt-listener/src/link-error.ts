import { DeviceHubError } from '@devicehub/core'
import type { BrokerSettings } from './options.js'

/** A connection that could not be made or that ended. */
export class LinkError extends Error {
  override readonly name = 'LinkError'
  /** No later attempt with the same options can succeed. */
  readonly permanent: boolean
  /** Connecting again soon is of no use: the next attempt waits for the longest delay. */
  readonly patient: boolean
  /** The CONNACK's, of MQTT 3.1.1 or 5. */
  readonly reasonCode: number | null

  constructor(
    message: string,
    options: { cause?: unknown; permanent?: boolean; patient?: boolean; reasonCode?: number | null } = {},
  ) {
    super(message, { cause: options.cause })
    this.permanent = options.permanent ?? false
    this.patient = options.patient ?? false
    this.reasonCode = options.reasonCode ?? null
  }
}

/** Why a connection of a slot is cut: at once, since by now another process may connect under its client id. */
export const SLOT_LOST = 'the lease of the slot is lost'

export const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)))

/** CONNACK codes with which the broker says that it does not speak this version of the protocol. */
const UNSUPPORTED_VERSION = [1, 0x84]
const INVALID_CLIENT_ID = [2, 0x85]
/** Credentials may be put right, and a broker may ask a service for them that is not up yet: not permanent. */
const NOT_AUTHORIZED = [4, 5, 0x86, 0x87]

/** Why a connection was not made, in words that name what to change. */
export function connectError(cause: Error | null, { url, protocolVersion }: BrokerSettings): LinkError {
  const code = (cause as { code?: unknown } | null)?.code
  const reasonCode = typeof code === 'number' ? code : null
  if (reasonCode !== null && UNSUPPORTED_VERSION.includes(reasonCode)) {
    const version = protocolVersion === 5 ? 'MQTT 5: set protocolVersion to 4' : 'MQTT 3.1.1'
    return new LinkError(`the broker at ${url} does not speak ${version}`, {
      cause,
      permanent: true,
      reasonCode,
    })
  }
  if (reasonCode !== null && INVALID_CLIENT_ID.includes(reasonCode)) {
    return new LinkError(`the broker at ${url} does not accept the client id`, { cause, reasonCode })
  }
  if (reasonCode !== null && NOT_AUTHORIZED.includes(reasonCode)) {
    return new LinkError(`the broker at ${url} refused the credentials`, { cause, reasonCode })
  }
  const reason = cause?.message || (typeof code === 'string' ? code : 'the connection was closed')
  return new LinkError(`cannot connect to the broker at ${url}: ${reason}`, { cause, reasonCode })
}

/** A `LinkError` as callers see it. */
export const unavailable = (message: string, cause?: unknown): DeviceHubError =>
  new DeviceHubError('transport_unavailable', message, cause === undefined ? {} : { cause })

export const closedError = (message: string): DeviceHubError => new DeviceHubError('closed', message)
