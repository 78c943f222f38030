import type { IConnackPacket } from 'mqtt'

/** What the broker grants in its CONNACK. A property that is missing there has the default of MQTT 5. */
export interface Grants {
  /** The broker still has the session of this client id. */
  readonly sessionPresent: boolean
  readonly receiveMaximum: number
  readonly maximumQos: 0 | 1 | 2
  /** Whether the broker keeps retained messages. */
  readonly retain: boolean
  readonly sharedSubscriptions: boolean
  /** Bytes; Infinity without a limit. */
  readonly maximumPacketSize: number
  /** Seconds the broker keeps the session after the connection ends. */
  readonly sessionExpiry: number
}

export function grantsOf(
  { sessionPresent, properties = {} }: IConnackPacket,
  requestedExpiry: number,
): Grants {
  return {
    sessionPresent,
    receiveMaximum: properties.receiveMaximum ?? 65_535,
    maximumQos: (properties.maximumQoS ?? 2) as 0 | 1 | 2,
    retain: properties.retainAvailable ?? true,
    sharedSubscriptions: properties.sharedSubscriptionAvailable ?? true,
    maximumPacketSize: properties.maximumPacketSize ?? Number.POSITIVE_INFINITY,
    sessionExpiry: properties.sessionExpiryInterval ?? requestedExpiry,
  }
}
