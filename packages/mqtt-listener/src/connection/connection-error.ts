import { DeviceHubError, type ErrorCode } from '@devicehub/core'
import {
  closedUnanswered,
  disconnectReason,
  isCertificateError,
  isRefusal,
  reasonOf,
  refusalAdvice,
  type ServerDisconnect,
} from '@devicehub/core/transport'
import type { BrokerSettings } from '../settings/broker-settings.js'

/** A connection could not be made, or has ended. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError'
  /**
   * Not null: no later attempt with the same options can succeed. The code callers see. Null: a later attempt may succeed.
   */
  readonly permanentCode: ErrorCode | null
  /** The fault is of this one connection: the next attempt waits for the longest delay, since it would fail if it came soon. */
  readonly waitsLongest: boolean

  constructor(
    message: string,
    options: { cause?: unknown; permanentCode?: ErrorCode | null; waitsLongest?: boolean } = {},
  ) {
    super(message, { cause: options.cause })
    this.permanentCode = options.permanentCode ?? null
    this.waitsLongest = options.waitsLongest ?? this.permanentCode !== null
  }
}

/** The reason when a slot's connection is dropped. By now another process may connect with the slot's client id. */
export const SLOT_LOST = 'the lease of the slot is lost'

export const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)))

/** CONNACK codes for an unsupported protocol version, of MQTT 3.1.1 and of MQTT 5. */
const UNSUPPORTED_VERSION = [1, 0x84]

/** What an error text says of the connection. */
type Connecting = Pick<BrokerSettings, 'url' | 'protocolVersion' | 'username'> & {
  readonly clientId: string
  /** What the CONNACK says; null when none came. */
  readonly connack: ServerDisconnect | null
}

/** Why a connection could not be made. The text names the option to change. */
export function connectError(cause: Error | null, connecting: Connecting): ConnectionError {
  const { url, protocolVersion } = connecting
  const reasonCode = reasonOf(cause)
  if (reasonCode !== null && UNSUPPORTED_VERSION.includes(reasonCode)) {
    const version = protocolVersion === 5 ? 'MQTT 5: set protocolVersion to 4' : 'MQTT 3.1.1'
    const words = connecting.connack?.reasonString ?? null
    const said = words === null ? '' : ` (it says "${words}")`
    return new ConnectionError(`the broker at ${url} does not speak ${version}${said}`, {
      cause,
      permanentCode: 'invalid_options',
    })
  }
  if (reasonCode !== null) return refusedError(cause, reasonCode, connecting)
  if (isCertificateError(cause))
    return new ConnectionError(
      `the broker at ${url} is not trusted: ${cause?.message}; give the certificate authority as \`ca\`, or the name in its certificate as \`servername\``,
      { cause, permanentCode: 'connection_refused' },
    )
  return new ConnectionError(`cannot connect to the broker at ${url}: ${networkReason(cause, connecting)}`, {
    cause,
  })
}

function refusedError(cause: Error | null, reasonCode: number, connecting: Connecting): ConnectionError {
  const { url, username, clientId, connack } = connecting
  const who = `${username === undefined ? 'no user name' : `user "${username}"`}, client id "${clientId}"`
  const advice = refusalAdvice(reasonCode)
  const said = disconnectReason({ reasonString: null, serverReference: null, ...connack, reasonCode })
  return new ConnectionError(
    `the broker at ${url} refused the connection (${who}): ${said}${advice === null ? '' : `; ${advice}`}`,
    { cause, permanentCode: isRefusal(reasonCode) ? 'connection_refused' : null },
  )
}

function networkReason(cause: Error | null, { protocolVersion, url }: Connecting): string {
  const unanswered = closedUnanswered(protocolVersion, url, cause)
  if (unanswered !== null || cause === null) return unanswered ?? 'the connection ended'
  const { code } = cause as { code?: unknown }
  return cause.message || (typeof code === 'string' ? code : String(cause))
}

/** `transport_unavailable`, or the code of a cause that no later attempt can change. */
export const unavailable = (message: string, cause?: unknown): DeviceHubError =>
  new DeviceHubError(
    (cause instanceof ConnectionError ? cause.permanentCode : null) ?? 'transport_unavailable',
    message,
    cause === undefined ? {} : { cause },
  )

export const closedError = (message: string): DeviceHubError => new DeviceHubError('closed', message)
