import type { Socket } from 'node:net'
import { readDisconnect, type ServerDisconnect } from '@devicehub/core/transport'
import { deferred, withTimeout } from '@devicehub-internal/async'
import { connect } from 'mqtt'
import { generate } from 'mqtt-packet'
import type { BrokerSettings } from '../settings/broker-settings.js'
import { type ConnectSettings, toClientOptions } from './client-options.js'
import { asError, ConnectionError, connectError } from './connection-error.js'
import { type Grants, grantsOf } from './grants.js'
import { createKeepAlive } from './keep-alive.js'
import type { OnPublish, PublishPacket } from './publish-packet.js'
import { readPublishes } from './publish-reader.js'
import { correctReasonCodes } from './reason-code-corrector.js'

export interface LinkOptions extends ConnectSettings {
  /** The link only publishes: the reason codes it receives are corrected. */
  readonly publishes?: boolean
  /** Gets each PUBLISH in the order received. mqtt.js acknowledges none of them. */
  readonly onPublish: OnPublish
}

/** Why a connection ended. */
export interface LinkEnd {
  /** What the broker's DISCONNECT says; null when it sent none. */
  readonly disconnect: ServerDisconnect | null
  readonly error: Error | null
}

export interface PublishOptions {
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
  readonly properties: NonNullable<PublishPacket['properties']> | undefined
}

/**
 * One network connection. It is never reused: no packet id, acknowledgement or queued packet of mqtt.js outlives it.
 * Everything that relies on undocumented behaviour of mqtt.js is in this folder.
 */
export interface Link {
  /** Connects. Rejects with a `ConnectionError`. */
  open(): Promise<Grants>
  /** Resolves when the connection has ended, also after a failed `open()`. */
  readonly closed: Promise<LinkEnd>
  /** Writes complete MQTT packets. Does nothing once the connection has ended. */
  write(bytes: Uint8Array): void
  /** Reads on after `onPublish` returned false. */
  resume(): void
  /** Resolves with the reason code of each filter. Rejects when the broker does not answer within `ackTimeout`. */
  subscribe(filters: readonly string[], qos: 0 | 1 | 2): Promise<readonly number[]>
  /** Rejects likewise. */
  unsubscribe(filters: readonly string[]): Promise<void>
  publish(
    topic: string,
    payload: Buffer,
    options: PublishOptions,
    done: (error: Error | undefined) => void,
  ): void
  /** Resolves with the PINGRESP: by then the broker has read everything written before. */
  ping(): Promise<void>
  /**
   * Ends the connection in good order: waits until the broker has read what was written, sends DISCONNECT, and waits
   * until the broker closes. Messages that still arrive are discarded without acknowledgement.
   */
  end(options?: { readonly sessionExpiry?: number }): Promise<void>
  /** Closes the socket at once, without DISCONNECT. */
  drop(reason: Error): void
}

/** How long `end()` waits for the last PINGRESP, and for the broker to close. */
const CLOSE_TIMEOUT_MS = 5_000

export function createLink(options: LinkOptions): Link {
  const { settings, clientId, onPublish, publishes = false } = options
  const client = connect(toClientOptions(options))
  const keepAlive = createKeepAlive(client, () => reader.isHeld)
  let publishesReceived = 0
  const reader = readPublishes(client, {
    onPublish(packet, qos) {
      publishesReceived++
      return onPublish(packet, qos)
    },
    onReceived: keepAlive.heard,
    yieldEvery: settings.yieldEvery,
  })
  const closing = deferred<LinkEnd>()
  let lastError: Error | null = null
  let disconnect: ServerDisconnect | null = null
  let connack: ServerDisconnect | null = null
  let connected = false
  let closed = false

  const endedError = () => new ConnectionError('the connection ended', { cause: lastError })

  client.on('error', (error) => {
    lastError = error
    // After bytes that are not MQTT, mqtt.js reads nothing more but keeps the connection open.
    if (connected) client.stream.destroy()
  })
  // The error of mqtt.js has the reason code alone.
  client.on('packetreceive', (packet) => {
    if (packet.cmd === 'connack') connack = readDisconnect(packet)
  })
  client.on('disconnect', (packet) => {
    disconnect = readDisconnect(packet)
    // The broker has to close [MQTT-3.14.4-3]. With one that does not, the connection would look open for ever.
    client.stream.destroy()
  })
  client.once('close', () => {
    closed = true
    reader.close()
    keepAlive.close(endedError())
    closing.resolve({ disconnect, error: lastError })
  })

  function open(): Promise<Grants> {
    return new Promise((resolve, reject) => {
      client.once('connect', (connack) => {
        connected = true
        // What is written right behind another packet would wait for the peer's delayed acknowledgement, 40 ms.
        ;(client.stream as Partial<Pick<Socket, 'setNoDelay'>>).setNoDelay?.(true)
        resolve(grantsOf(connack, options.sessionExpiry))
      })
      void closing.promise.then(() => {
        if (!connected) reject(connectError(lastError, { ...settings, clientId, connack }))
      })
      try {
        client.connect()
        if (!publishes) reader.attach(client.stream)
        if (publishes && settings.protocolVersion === 5) correctReasonCodes(client.stream)
      } catch (error) {
        // A certificate that cannot be read throws here, before there is a socket to close.
        lastError = asError(error)
        client.emit('close')
      }
    })
  }

  async function end({ sessionExpiry }: { readonly sessionExpiry?: number } = {}): Promise<void> {
    const timer = setTimeout(() => client.stream?.destroy(), CLOSE_TIMEOUT_MS)
    // Unread bytes must be read first: the PINGRESP is behind them, and closing a socket with unread bytes resets the
    // connection, so that acknowledgements just written may be lost.
    reader.discard()
    if (connected && !closed) {
      await ping().catch(() => {})
      if (!closed) client.stream.end(disconnectPacket(settings.protocolVersion, sessionExpiry))
    } else if (!closed) {
      client.stream?.destroy()
    }
    await closing.promise
    clearTimeout(timer)
  }

  /** An answer stands behind the PUBLISH packets sent before it: while these arrive, or wait to be read, it is not late. */
  async function answered<Answer>(what: string, answer: Promise<Answer>): Promise<Answer> {
    const { ackTimeout } = settings
    const ended = closing.promise.then(() => {
      throw endedError()
    })
    const work = Promise.race([answer, ended])
    for (;;) {
      const before = publishesReceived
      const first = await withTimeout(
        ackTimeout,
        work.then((value) => ({ value })),
        () => null,
      )
      if (first !== null) return first.value
      if (reader.isHeld || publishesReceived > before) continue
      throw new ConnectionError(
        `the broker at ${settings.url} has not answered ${what} within ${ackTimeout / 1000} s (ackTimeout)`,
      )
    }
  }

  function ping(): Promise<void> {
    return closed ? Promise.reject(endedError()) : keepAlive.ping()
  }

  return {
    open,
    closed: closing.promise,
    write(bytes) {
      if (!closed && !client.stream.destroyed) client.stream.write(bytes)
    },
    resume: reader.resume,
    subscribe(filters, qos) {
      const granted = new Promise<readonly number[]>((resolve, reject) => {
        if (closed) return reject(endedError())
        // Retain Handling 1 (MQTT 5): retained messages come with a new subscription only, not with each reconnect.
        client.subscribe([...filters], { qos, rh: 1 }, (error, _subscriptions, packet) => {
          const granted = packet?.granted as readonly number[] | undefined
          if (granted !== undefined) resolve(granted)
          else reject(error ?? endedError())
        })
      })
      return answered('SUBSCRIBE', granted)
    },
    unsubscribe(filters) {
      const done = new Promise<void>((resolve, reject) => {
        if (closed) return reject(endedError())
        // No device type uses this broker. An UNSUBSCRIBE without a filter would be malformed [MQTT-3.10.3-2].
        if (filters.length === 0) return resolve()
        client.unsubscribe([...filters], (error) => (error ? reject(error) : resolve()))
      })
      return answered('UNSUBSCRIBE', done)
    },
    publish(topic, payload, { qos, retain, properties }, done) {
      if (closed) return done(endedError())
      client.publish(topic, payload, { qos, retain, ...(properties && { properties }) }, (error) =>
        done(error ?? undefined),
      )
    },
    ping,
    end,
    drop(reason) {
      if (closed) return
      lastError ??= reason
      client.stream?.destroy()
    },
  }
}

function disconnectPacket(
  protocolVersion: BrokerSettings['protocolVersion'],
  sessionExpiry?: number,
): Buffer {
  const properties =
    sessionExpiry === undefined || protocolVersion === 4
      ? {}
      : { properties: { sessionExpiryInterval: sessionExpiry } }
  return generate({ cmd: 'disconnect', reasonCode: 0, ...properties }, { protocolVersion })
}
