import { Socket } from 'node:net'
import type { MqttClient } from 'mqtt'
import type { OnPublish } from './publish-packet.js'
import { type PublishTap, tapPublishes } from './publish-tap.js'

/** Passes on the PUBLISH packets of a connection, and stops reading from the socket while it is told to. */
export interface PublishReader {
  /** True while a packet is held: mqtt.js reads nothing from the socket meanwhile. */
  readonly isHeld: boolean
  resume(): void
  /** To be called once mqtt.js has a stream. */
  attach(stream: MqttClient['stream']): void
  /** From now on packets are read and discarded, without acknowledgement. */
  discard(): void
  close(): void
}

/**
 * mqtt.js waits for the callback of `handleMessage` before it takes the next packet. When the callback gets an error,
 * mqtt.js sends no PUBACK and goes on. So an error is passed for each message, and the acknowledgement is written later.
 */
const ACKNOWLEDGED_LATER = new Error('acknowledged later')

export interface PublishReaderOptions {
  readonly onPublish: OnPublish
  /** Any packet was received that mqtt.js does not see. */
  readonly onReceived: () => void
  readonly yieldEvery: number
}

export function readPublishes(
  client: MqttClient,
  { onPublish, onReceived, yieldEvery }: PublishReaderOptions,
): PublishReader {
  let pending: ((error?: Error) => void) | null = null
  let packetsSinceYield = 0
  let incomingQos: 0 | 1 | 2 = 0
  let discarding = false
  let closed = false
  /** PUBLISH packets that mqtt.js was given and is not done with. */
  let passed = 0
  let tap: PublishTap | null = null

  function next(): void {
    const callback = pending
    pending = null
    if (closed || callback === null) return
    passed--
    callback(ACKNOWLEDGED_LATER)
  }

  function resume(): void {
    if (pending === null) {
      tap?.resume()
      return
    }
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
      return pending !== null || tap?.isHeld === true
    },
    resume,
    attach(stream) {
      // The flow control of a WebSocket cannot be reached from here.
      if (!(stream instanceof Socket)) return
      tap = tapPublishes(stream, {
        hasProperties: client.options.protocolVersion === 5,
        isFree: () => passed === 0 && client.connected,
        onPublish(packet, qos) {
          onReceived()
          return discarding || onPublish(packet, qos)
        },
        onPassed: () => passed++,
        yieldEvery,
      })
    },
    discard() {
      discarding = true
      resume()
    },
    close() {
      closed = true
      pending = null
      tap?.close()
    },
  }
}
