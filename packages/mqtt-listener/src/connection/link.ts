import { connect, type IConnackPacket, type IPublishPacket, type MqttClient } from 'mqtt'
import { generate } from 'mqtt-packet'
import type { BrokerSettings } from '../settings/options'
import { toClientOptions } from './client-options'
import { asError, connectError, LinkError } from './link-error'
import { tolerateOddAcknowledgements } from './odd-acknowledgements'

export type PublishPacket = IPublishPacket

export interface LinkOptions {
  readonly settings: BrokerSettings
  readonly clientId: string
  /** Begin without what the broker kept of an earlier session. */
  readonly clean: boolean
  /** Seconds the broker keeps the session after the connection ends. */
  readonly sessionExpiry: number
  /** Messages the broker may send unacknowledged; MQTT 5. */
  readonly receiveMaximum?: number
  /** For publications alone. */
  readonly publishes?: boolean
  /**
   * Each PUBLISH, in order, from the first that follows the CONNACK. mqtt.js acknowledges none of them. False: read
   * nothing more until `resume()`.
   */
  readonly onPublish: (packet: PublishPacket, qos: 0 | 1 | 2) => boolean
}

/** What the server's CONNACK grants. */
export interface Grants {
  readonly sessionPresent: boolean
  readonly receiveMaximum: number
  readonly maximumQos: 0 | 1 | 2
  readonly retain: boolean
  readonly sharedSubscriptions: boolean
  /** Bytes; Infinity when the server names no limit. */
  readonly maximumPacketSize: number
  /** Seconds the session will be kept. */
  readonly sessionExpiry: number
}

/** Why a connection ended: the server's DISCONNECT, if it sent one, and the error, if there was one. */
export interface LinkEnd {
  readonly reasonCode: number | null
  readonly error: Error | null
}

export interface PublishOptions {
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
  readonly properties: NonNullable<PublishPacket['properties']> | undefined
}

/**
 * One network connection, never reused: a new connection is a new link, so that no packet id, acknowledgement or
 * queued packet of mqtt.js outlives the connection it belongs to. All that relies on the inside of mqtt.js is here.
 */
export interface Link {
  /** Rejects with a `LinkError`. */
  open(): Promise<Grants>
  /** Resolves when the connection is gone, also after a failed `open()`. */
  readonly closed: Promise<LinkEnd>
  /** Whole packets, as they are. Dropped when the connection is gone. */
  write(bytes: Uint8Array): void
  /** Goes on reading after `onPublish` answered false. */
  resume(): void
  /** The reason code the broker gave each filter. */
  subscribe(filters: readonly string[], qos: 0 | 1 | 2): Promise<readonly number[]>
  unsubscribe(filters: readonly string[]): Promise<void>
  publish(
    topic: string,
    payload: Buffer,
    options: PublishOptions,
    done: (error: Error | undefined) => void,
  ): void
  /** Resolves with the PINGRESP: the broker has read all that was written before. */
  ping(): Promise<void>
  /**
   * Has the broker read what was written, sends DISCONNECT and waits for the server to close. Messages that still
   * arrive are discarded, unacknowledged.
   */
  end(options?: { readonly sessionExpiry?: number }): Promise<void>
  /** Cuts the connection. */
  drop(reason: Error): void
}

/** mqtt.js sends no PUBACK when the callback of `handleMessage` gets an error, and goes on with the next packet. */
const UNACKNOWLEDGED = new Error('acknowledged later')

/** How long a server may take to answer the last PINGREQ and to close after a DISCONNECT. */
const CLOSE_TIMEOUT_MS = 5_000

export function createLink(options: LinkOptions): Link {
  const { settings, onPublish } = options
  const { yieldEvery } = settings
  const client: MqttClient = connect(toClientOptions(options))
  let lastError: Error | null = null
  let reasonCode: number | null = null
  let connected = false
  let closed = false
  let ending = false
  /** The callback of the packet that is being handled or held. */
  let pending: ((error?: Error) => void) | null = null
  let sinceYield = 0
  let incomingQos: 0 | 1 | 2 = 0
  let heardSincePing = true
  let pongs: { resolve: () => void; reject: (error: Error) => void }[] = []
  let resolveClosed: (end: LinkEnd) => void
  const whenClosed = new Promise<LinkEnd>((resolve) => {
    resolveClosed = resolve
  })

  function next(): void {
    const callback = pending
    pending = null
    if (!closed) callback?.(UNACKNOWLEDGED)
  }

  function proceed(): void {
    // A chunk of the socket holds thousands of small messages, and mqtt.js handles them all in one turn.
    if (++sinceYield < yieldEvery) {
      next()
    } else {
      sinceYield = 0
      setImmediate(next)
    }
  }

  client.handleMessage = (packet, callback) => {
    if (closed) return
    pending = callback
    if (ending || onPublish(packet, incomingQos)) proceed()
  }

  client.on('packetreceive', (packet) => {
    heardSincePing = true
    if (packet.cmd === 'publish') {
      incomingQos = packet.qos
      // mqtt.js would answer QoS 2 with a PUBREC at once, and with it the broker's duty ends. As QoS 1 it comes to
      // `handleMessage` unanswered; the PUBREC is written after the commit, and mqtt.js answers the PUBREL by itself.
      if (packet.qos === 2) packet.qos = 1
    } else if (packet.cmd === 'pingresp') {
      const waiting = pongs
      pongs = []
      for (const { resolve } of waiting) resolve()
    }
  })
  client.on('packetsend', (packet) => {
    if (packet.cmd === 'pingreq') heardSincePing = false
  })

  // A PINGRESP waits its turn behind every PUBLISH before it, and while the socket is held it is not read at all:
  // its absence says nothing about a broker that was heard, or that is not listened to.
  const giveUp = client.onKeepaliveTimeout.bind(client)
  client.onKeepaliveTimeout = () => {
    if (!heardSincePing && pending === null) return giveUp()
    client.sendPing()
    client.reschedulePing(true)
  }

  client.on('error', (error) => {
    lastError = error
    // After bytes that are no MQTT, mqtt.js reads nothing more and keeps the connection.
    if (connected) client.stream.destroy()
  })
  client.on('disconnect', (packet) => {
    reasonCode = packet.reasonCode ?? 0
    // [MQTT-3.14.4-3] leaves the closing to the server; one that does not would look connected for ever.
    client.stream.destroy()
  })
  client.once('close', () => {
    closed = true
    pending = null
    for (const { reject } of pongs) reject(ended())
    pongs = []
    resolveClosed({ reasonCode, error: lastError })
  })

  const ended = () => new LinkError('the connection ended', { cause: lastError })

  function ping(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (closed) return reject(ended())
      pongs.push({ resolve, reject })
      client.sendPing()
    })
  }

  return {
    closed: whenClosed,
    open() {
      return new Promise<Grants>((resolve, reject) => {
        client.once('connect', (connack) => {
          connected = true
          resolve(grantsOf(connack, options))
        })
        void whenClosed.then(() => {
          if (!connected) reject(connectError(lastError, { ...settings, clientId: options.clientId }))
        })
        try {
          client.connect()
          if (options.publishes && settings.protocolVersion === 5) tolerateOddAcknowledgements(client.stream)
        } catch (error) {
          // A certificate that cannot be read throws before there is a socket to close.
          lastError = asError(error)
          client.emit('close')
        }
      })
    },
    write(bytes) {
      if (!closed && !client.stream.destroyed) client.stream.write(bytes)
    },
    resume: proceed,
    subscribe(filters, qos) {
      return new Promise((resolve, reject) => {
        if (closed) return reject(ended())
        // Retained messages come with a new subscription, not again with each connection: rh 1, MQTT 5 only.
        client.subscribe([...filters], { qos, rh: 1 }, (error, _subscriptions, packet) => {
          const granted = packet?.granted as readonly number[] | undefined
          if (granted !== undefined) resolve(granted)
          else reject(error ?? ended())
        })
      })
    },
    unsubscribe(filters) {
      return new Promise((resolve, reject) => {
        if (closed) return reject(ended())
        // Of a broker that serves no type: a packet without a filter is malformed [MQTT-3.10.3-2].
        if (filters.length === 0) return resolve()
        client.unsubscribe([...filters], (error) => (error ? reject(error) : resolve()))
      })
    },
    publish(topic, payload, { qos, retain, properties }, done) {
      if (closed) return done(ended())
      client.publish(topic, payload, { qos, retain, ...(properties && { properties }) }, (error) =>
        done(error ?? undefined),
      )
    },
    ping,
    async end({ sessionExpiry } = {}) {
      ending = true
      const timer = setTimeout(() => client.stream?.destroy(), CLOSE_TIMEOUT_MS)
      if (connected && !closed) {
        // Read on, and discard: the PINGRESP comes behind what was held, and closing a socket with unread bytes in it
        // resets the connection, which may overtake the acknowledgements.
        if (pending !== null) proceed()
        await ping().catch(() => {})
        if (!closed) client.stream.end(disconnectPacket(settings.protocolVersion, sessionExpiry))
      } else if (!closed) {
        client.stream?.destroy()
      }
      await whenClosed
      clearTimeout(timer)
    },
    drop(reason) {
      if (closed) return
      lastError ??= reason
      client.stream?.destroy()
    },
  }
}

function disconnectPacket(protocolVersion: 4 | 5, sessionExpiry: number | undefined): Buffer {
  const properties =
    sessionExpiry === undefined || protocolVersion === 4
      ? {}
      : { properties: { sessionExpiryInterval: sessionExpiry } }
  return generate({ cmd: 'disconnect', reasonCode: 0, ...properties }, { protocolVersion })
}

function grantsOf({ sessionPresent, properties = {} }: IConnackPacket, options: LinkOptions): Grants {
  return {
    sessionPresent,
    receiveMaximum: properties.receiveMaximum ?? 65_535,
    maximumQos: (properties.maximumQoS ?? 2) as 0 | 1 | 2,
    retain: properties.retainAvailable ?? true,
    sharedSubscriptions: properties.sharedSubscriptionAvailable ?? true,
    maximumPacketSize: properties.maximumPacketSize ?? Number.POSITIVE_INFINITY,
    sessionExpiry: properties.sessionExpiryInterval ?? options.sessionExpiry,
  }
}
