import { type Deferred, deferred } from '@devicehub-internal/async'
import type { MqttClient } from 'mqtt'

export interface KeepAlive {
  /** Sends a PINGREQ. Resolves with the PINGRESP: by then the broker has read everything written before. */
  ping(): Promise<void>
  /** A packet was received that mqtt.js did not see. */
  heard(): void
  /** The connection has ended: pings that wait reject with this error. */
  close(error: Error): void
}

/**
 * Keep-alive that does not end a healthy connection. A PINGRESP arrives behind the PUBLISH packets sent before it, and is
 * not read at all while reading is held. So a missing PINGRESP counts only if reading is not held and no packet has
 * arrived since the PINGREQ.
 */
export function createKeepAlive(client: MqttClient, isHeld: () => boolean): KeepAlive {
  let heardSincePing = true
  let waiting: Deferred[] = []

  function takeWaiting(): Deferred[] {
    const taken = waiting
    waiting = []
    return taken
  }

  client.on('packetreceive', (packet) => {
    heardSincePing = true
    if (packet.cmd === 'pingresp') for (const { resolve } of takeWaiting()) resolve()
  })
  client.on('packetsend', (packet) => {
    if (packet.cmd === 'pingreq') heardSincePing = false
  })
  const endConnection = client.onKeepaliveTimeout.bind(client)
  client.onKeepaliveTimeout = () => {
    if (!heardSincePing && !isHeld()) return endConnection()
    client.sendPing()
    client.reschedulePing(true)
  }

  return {
    ping() {
      const pingresp = deferred()
      waiting.push(pingresp)
      client.sendPing()
      return pingresp.promise
    },
    heard() {
      heardSincePing = true
    },
    close(error) {
      for (const { reject } of takeWaiting()) reject(error)
    },
  }
}
