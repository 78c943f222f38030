import type { IPublishPacket, MqttClient } from 'mqtt'

export type PublishPacket = IPublishPacket

/** False: read no further packet until `resume()`. */
export type OnPublish = (packet: PublishPacket, qos: 0 | 1 | 2) => boolean

/** Passes on the PUBLISH packets of a connection, and stops reading from the socket while it is told to. */
export interface PublishReader {
  /** True while a packet is held: mqtt.js reads nothing from the socket meanwhile. */
  readonly isHeld: boolean
  resume(): void
  /** From now on packets are read and discarded, without acknowledgement. */
  discard(): void
  close(): void
}

/**
 * mqtt.js waits for the callback of `handleMessage` before it takes the next packet. When the callback gets an error,
 * mqtt.js sends no PUBACK and goes on. So an error is passed for each message, and the acknowledgement is written later.
 */
const ACKNOWLEDGED_LATER = new Error('acknowledged later')

export function readPublishes(client: MqttClient, onPublish: OnPublish, yieldEvery: number): PublishReader {
  let pending: ((error?: Error) => void) | null = null
  let packetsSinceYield = 0
  let incomingQos: 0 | 1 | 2 = 0
  let discarding = false
  let closed = false

  function next(): void {
    const callback = pending
    pending = null
    if (!closed) callback?.(ACKNOWLEDGED_LATER)
  }

  function resume(): void {
    // One chunk of the socket holds thousands of small messages. mqtt.js would handle them all in one turn.
    if (++packetsSinceYield < yieldEvery) {
      next()
    } else {
      packetsSinceYield = 0
      setImmediate(next)
    }
  }

  client.handleMessage = (packet, callback) => {
    if (closed) return
    pending = callback
    if (discarding || onPublish(packet, incomingQos)) resume()
  }
  client.on('packetreceive', (packet) => {
    if (packet.cmd !== 'publish') return
    incomingQos = packet.qos
    // mqtt.js would answer QoS 2 with a PUBREC at once, and then the broker may forget the message. As QoS 1 it reaches
    // `handleMessage` unanswered. The PUBREC is written after the commit; mqtt.js answers the PUBREL by itself.
    if (packet.qos === 2) packet.qos = 1
  })

  return {
    get isHeld() {
      return pending !== null
    },
    resume,
    discard() {
      discarding = true
      if (pending !== null) resume()
    },
    close() {
      closed = true
      pending = null
    },
  }
}
