import type { PublicationProperties } from './broker-connection.js'

/** A publication on its way to the broker. */
export interface Item {
  readonly topic: string
  readonly payload: Uint8Array
  readonly properties: PublicationProperties
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
  /** So many connections lost while this alone was in flight, and it is given up. */
  readonly maxLosses: number
  settled: boolean
  sends: number
  /** Connections that were lost while this alone was in flight: perhaps because of it. */
  lossesAlone: number
  /** On the monotonic clock: a device's time may jump. */
  sentAt: number
}

/** The most a PUBLISH can take: fixed header 5, topic length 2, packet id 2, properties 1, or 4 and 3 with correlation data. */
export const packetSize = ({ topic, payload, properties: { correlationData } }: Item) =>
  10 + Buffer.byteLength(topic) + payload.byteLength + (correlationData ? correlationData.byteLength + 6 : 0)
