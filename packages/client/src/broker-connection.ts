import type { Socket } from 'node:net'
import { closedUnanswered, readDisconnect, reasonOf, type ServerDisconnect } from '@devicehub/core/transport'
import { connect, type IClientOptions, type IPublishPacket } from 'mqtt'

/** One connection to the broker, from CONNACK to its end. It is never reused: a reconnect opens another. */
export interface BrokerConnection {
  /** Receive Maximum of the broker; default 65,535 [MQTT-3.2.2.3.3]. */
  readonly receiveMaximum: number
  /** Maximum Packet Size of the broker in bytes; null: no limit. */
  readonly maximumPacketSize: number | null
  /**
   * At QoS 1. Resolves with the PUBACK; rejects with an error whose `code` is the reason code, if it has one. Does
   * neither once the connection is over.
   */
  publish(
    topic: string,
    payload: Uint8Array,
    options: PublicationProperties & { readonly again: boolean },
  ): Promise<void>
  subscribe(filter: string, qos: 0 | 1): Promise<void>
  /** With DISCONNECT: the broker drops the will. */
  disconnect(): Promise<void>
  /** Without: the broker sends the will. */
  destroy(): void
}

/** Properties of MQTT 5; left out with MQTT 3.1.1. */
export interface PublicationProperties {
  readonly correlationData?: Uint8Array
}

export interface ConnectionLoss {
  /** What the server's DISCONNECT (MQTT 5) says; null when it sent none. */
  readonly disconnect: ServerDisconnect | null
  readonly error: Error | null
}

export interface ConnectionEvents {
  /** The message is acknowledged (PUBACK) when it resolves with true, and packets behind it wait for that. It must not reject. */
  onMessage(packet: IPublishPacket): Promise<boolean>
  /** Once, when a connection that was established ends without `disconnect()` or `destroy()`. */
  onLost(loss: ConnectionLoss): void
}

/** The broker refused the connection in its CONNACK. */
export class ConnectRefused extends Error {
  override readonly name = 'ConnectRefused'
  /** The reason code, where errors of mqtt.js have it. */
  readonly code: number

  constructor(
    readonly said: ServerDisconnect,
    cause: unknown,
  ) {
    super('the broker refused the connection', { cause })
    this.code = said.reasonCode
  }
}

const UNACKNOWLEDGED = new Error('not acknowledged')

/**
 * Opens a connection; rejects with what the broker or the network said. mqtt.js could reconnect by itself, but then it
 * sends all that is unacknowledged at once, whatever the new connection grants, and without jitter.
 */
export function openConnection(
  url: string,
  options: IClientOptions,
  events: ConnectionEvents,
  signal: AbortSignal,
): Promise<BrokerConnection> {
  return new Promise((resolve, reject) => {
    const client = connect(url, { ...options, reconnectPeriod: 0, resubscribe: false, manualConnect: true })
    let established = false
    let over = false
    let error: Error | null = null
    let disconnect: ServerDisconnect | null = null
    let connack: ServerDisconnect | null = null

    function finish(): void {
      if (over) return
      over = true
      signal.removeEventListener('abort', finish)
      client.end(true)
      if (established) events.onLost({ disconnect, error })
      else reject(signal.aborted ? signal.reason : notConnected())
    }

    function notConnected(): Error | null {
      const reasonCode = reasonOf(error)
      return reasonCode === null || connack === null
        ? notAnswered(url, options, error)
        : new ConnectRefused({ ...connack, reasonCode }, error)
    }

    /** Ends the connection from this side: `onLost` is not called. */
    function leave(): void {
      over = true
      signal.removeEventListener('abort', finish)
    }

    /** Once the connection is over, mqtt.js fails what is open; that is no answer of the broker, and nobody waits for one. */
    const answered = (ask: (done: (error?: Error | null) => void) => void): Promise<void> =>
      new Promise((resolveAnswer, rejectAnswer) => {
        ask((failure) => {
          if (over) return
          if (failure) rejectAnswer(failure)
          else resolveAnswer()
        })
      })

    client.on('error', (cause) => {
      error ??= cause
      // Not every error is followed by 'close': after bytes that are not MQTT the client would wait for good.
      finish()
    })
    // The error of mqtt.js has the reason code alone.
    client.on('packetreceive', (packet) => {
      if (packet.cmd === 'connack') connack = readDisconnect(packet)
    })
    client.on('disconnect', (packet) => {
      disconnect = readDisconnect(packet)
      finish()
    })
    client.on('close', finish)
    // mqtt.js acknowledges when the callback is called; with an error it does not, and goes on with the next packet.
    client.handleMessage = (packet, callback) => {
      if (over) return callback(UNACKNOWLEDGED)
      void events
        .onMessage(packet)
        .then((acknowledge) => callback(acknowledge && !over ? undefined : UNACKNOWLEDGED))
    }
    client.on('connect', (connack) => {
      established = true
      // A reply right behind a PUBACK would wait for the peer's delayed acknowledgement, 40 ms.
      ;(client.stream as Partial<Pick<Socket, 'setNoDelay'>>).setNoDelay?.(true)
      signal.removeEventListener('abort', finish)
      resolve({
        receiveMaximum: connack.properties?.receiveMaximum ?? 65_535,
        maximumPacketSize: connack.properties?.maximumPacketSize ?? null,
        publish: (topic, payload, { again, correlationData }) =>
          answered((done) => {
            const five = correlationData !== undefined && options.protocolVersion === 5
            const properties = five ? { properties: { correlationData: Buffer.from(correlationData) } } : {}
            client.publish(topic, payload as Buffer, { qos: 1, dup: again, ...properties }, done)
          }),
        subscribe: (filter, qos) => answered((done) => client.subscribe(filter, { qos }, done)),
        disconnect: async () => {
          leave()
          await client.endAsync(false)
        },
        destroy() {
          leave()
          client.end(true)
        },
      })
    })
    if (signal.aborted) return finish()
    signal.addEventListener('abort', finish)
    client.connect()
  })
}

/** What the network said, with what to try where that is not said by itself. */
function notAnswered(url: string, { protocolVersion }: IClientOptions, error: Error | null): Error | null {
  const said = closedUnanswered(protocolVersion === 5 ? 5 : 4, url, error)
  return said === null ? error : new Error(said, { cause: error ?? undefined })
}
