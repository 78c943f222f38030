import {
  closedUnanswered,
  DeviceHubError,
  type ErrorCode,
  isCertificateError,
  isRefusal,
  reasonName,
  reasonOf,
  refusalAdvice,
} from '@devicehub/core'
import type { BrokerSettings } from '../settings/options'

/** A connection that could not be made or that ended. */
export class LinkError extends Error {
  override readonly name = 'LinkError'
  /** Of a fault that no later attempt with the same options can mend, as callers see it; null: it may pass. */
  readonly permanent: ErrorCode | null
  /** Connecting again soon is of no use: the next attempt waits for the longest delay. */
  readonly patient: boolean

  constructor(
    message: string,
    options: { cause?: unknown; permanent?: ErrorCode | null; patient?: boolean } = {},
  ) {
    super(message, { cause: options.cause })
    this.permanent = options.permanent ?? null
    this.patient = options.patient ?? this.permanent !== null
  }
}

/** Why a connection of a slot is cut: at once, since by now another process may connect under its client id. */
export const SLOT_LOST = 'the lease of the slot is lost'

export const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)))

/** CONNACK codes with which the broker says that it does not speak this version of the protocol. */
const UNSUPPORTED_VERSION = [1, 0x84]

/** Who connects, and where to. */
type Connecting = Pick<BrokerSettings, 'url' | 'protocolVersion' | 'username'> & { readonly clientId: string }

/** Why a connection was not made, in words that name what to change. */
export function connectError(cause: Error | null, connecting: Connecting): LinkError {
  const { url, protocolVersion } = connecting
  const reasonCode = reasonOf(cause)
  if (reasonCode !== null && UNSUPPORTED_VERSION.includes(reasonCode)) {
    const version = protocolVersion === 5 ? 'MQTT 5: set protocolVersion to 4' : 'MQTT 3.1.1'
    return new LinkError(`the broker at ${url} does not speak ${version}`, {
      cause,
      permanent: 'invalid_options',
    })
  }
  if (reasonCode !== null) return refusedError(cause, reasonCode, connecting)
  if (isCertificateError(cause))
    return new LinkError(
      `the broker at ${url} is not trusted: ${cause?.message}; give the certificate authority as \`ca\`, or the name in its certificate as \`servername\``,
      { cause, permanent: 'connection_refused' },
    )
  return new LinkError(`cannot connect to the broker at ${url}: ${networkReason(cause, connecting)}`, {
    cause,
  })
}

function refusedError(cause: Error | null, reasonCode: number, connecting: Connecting): LinkError {
  const { url, username, clientId } = connecting
  const who = `${username === undefined ? 'no user name' : `user "${username}"`}, client id "${clientId}"`
  const advice = refusalAdvice(reasonCode)
  return new LinkError(
    `the broker at ${url} refused the connection (${who}): ${reasonName(reasonCode)}${advice === null ? '' : `; ${advice}`}`,
    { cause, permanent: isRefusal(reasonCode) ? 'connection_refused' : null },
  )
}

function networkReason(cause: Error | null, { protocolVersion, url }: Connecting): string {
  const unanswered = closedUnanswered(protocolVersion, url, cause)
  if (unanswered !== null || cause === null) return unanswered ?? 'the connection ended'
  const { code } = cause as { code?: unknown }
  return cause.message || (typeof code === 'string' ? code : String(cause))
}

/** A `LinkError` as callers see it. */
export const unavailable = (message: string, cause?: unknown): DeviceHubError =>
  new DeviceHubError(
    (cause instanceof LinkError ? cause.permanent : null) ?? 'transport_unavailable',
    message,
    cause === undefined ? {} : { cause },
  )

export const closedError = (message: string): DeviceHubError => new DeviceHubError('closed', message)
