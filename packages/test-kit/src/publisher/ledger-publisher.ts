import { DeviceHubError } from '@devicehub/core'
import type { IConnackPacket, Packet } from 'mqtt-packet'
import { randomName } from '../services/random-name.js'
import { createChangeSignal } from './change-signal.js'
import { createLedger, type Ledger } from './ledger.js'
import { type LedgerConnection, openConnection } from './ledger-connection.js'
import { encodeMessage, type LedgerMessage } from './ledger-message.js'
import {
  acceptPublishAll,
  acceptPublisher,
  acceptSource,
  type LedgerPublisherOptions,
  type MessageSource,
  type PublishAllOptions,
} from './ledger-publisher-options.js'
import { createPace } from './pace.js'
import { refuseSource } from './unreadable-source.js'

/** Counts of a ledger publisher, of messages. */
export interface LedgerPublisherCounters {
  /** Sent for the first time. */
  sent: number
  /** Acknowledged by the broker. */
  acknowledged: number
  /** Refused by the broker (MQTT 5: a PUBACK with a reason code of 0x80 or more). */
  refused: number
  /** Sent again after a reconnect. */
  resent: number
  /** Connections after the first. */
  reconnects: number
}

/** A publisher that reconnects by itself and records what the broker acknowledged. */
export interface LedgerPublisher extends AsyncDisposable {
  /** Which messages the broker acknowledged and refused, by key. */
  readonly ledger: Ledger
  /** Counts since the start. */
  readonly counters: Readonly<LedgerPublisherCounters>
  /** Whether it has a connection and its CONNACK. */
  readonly connected: boolean
  /** How many messages are sent, or waiting to be sent again, and not yet acknowledged. */
  readonly inFlight: number
  /** The most messages that were ever in flight on a connection at once. */
  readonly peakInFlight: number
  /** Reason codes of the broker's DISCONNECT packets (MQTT 5), in order. */
  readonly disconnects: readonly number[]
  /**
   * Publishes at QoS 1, over cuts and restarts of the broker. Resolves when each message is acknowledged or refused.
   * Rejects with `closed` when the publisher is closed first, with `transport_unavailable` when the broker refuses
   * the client for good.
   */
  publishAll(messages: MessageSource, options?: PublishAllOptions): Promise<void>
  /** Destroys its connection. It reconnects after `reconnectDelay`. */
  cut(): void
  /** Sends DISCONNECT and closes the connection. A `publishAll` that is still running rejects with `closed`. */
  close(): Promise<void>
}

interface Batch {
  left: number
}

interface Entry {
  readonly key: string
  readonly id: number
  readonly bytes: Buffer
  readonly batch: Batch
}

// CONNACK codes for which a retry is useless: protocol, client id, credentials, authorisation, ban.
const FATAL = new Set([1, 2, 4, 5, 0x84, 0x85, 0x86, 0x87, 0x8a, 0x8c])

/**
 * Connects at once, with a session that the broker keeps, and reconnects until it is closed. Compare
 * `ledger.acknowledged` with what arrived to show that nothing acknowledged was lost.
 *
 * @example
 * import { createLedgerPublisher, startMosquitto } from '@devicehub/test-kit'
 *
 * await using broker = await startMosquitto()
 * await using publisher = createLedgerPublisher({ port: broker.port })
 * const topic = 'things/weatherstation/WS-1/data'
 * await publisher.publishAll([{ key: 'first', topic, payload: '{"temperature":21}' }])
 * publisher.ledger.acknowledged.has('first') // true
 */
export function createLedgerPublisher(given: LedgerPublisherOptions): LedgerPublisher {
  const options = acceptPublisher(given)
  const protocolVersion = options.protocolVersion ?? 5
  const clientId = options.clientId ?? randomName('ledger')
  const ledger = createLedger(options.ledgerFile)
  const counters: LedgerPublisherCounters = { sent: 0, acknowledged: 0, refused: 0, resent: 0, reconnects: 0 }
  const disconnects: number[] = []
  const unacknowledged = new Map<number, Entry>()
  // After a reconnect: what is sent again before anything new, in the original order.
  let repeat: Entry[] = []
  let output: Buffer[] = []
  let connection: LedgerConnection | undefined
  let connected = false
  let connections = 0
  let serverWindow = 65_535
  let onWire = 0
  let peakInFlight = 0
  let lastId = 0
  let failure: Error | undefined
  const change = createChangeSignal()
  let ended: Promise<void> = Promise.resolve()

  const put = (entry: Entry) => {
    output.push(entry.bytes)
    onWire++
    peakInFlight = Math.max(peakInFlight, onWire)
  }

  const flush = () => {
    if (output.length === 0) return
    connection?.write(output.length === 1 ? (output[0] as Buffer) : Buffer.concat(output))
    output = []
  }

  const repeatSome = () => {
    while (connected && repeat.length > 0 && onWire < serverWindow) {
      put(repeat.shift() as Entry)
      counters.resent++
    }
    flush()
  }

  const fail = (error: Error) => {
    failure ??= error
    change.notify()
  }

  const opened = (connack: IConnackPacket) => {
    const code = (protocolVersion === 5 ? connack.reasonCode : connack.returnCode) ?? 0
    if (code !== 0) {
      if (FATAL.has(code))
        fail(new DeviceHubError('transport_unavailable', `the broker refused ${clientId} with code ${code}`))
      connection?.destroy()
      return
    }
    if (connections++ > 0) counters.reconnects++
    serverWindow = connack.properties?.receiveMaximum ?? 65_535
    connected = true
    onWire = 0
    repeat = [...unacknowledged.values()]
    // Sets DUP only when the broker kept the session [MQTT-3.3.1-1]: in a new one it is a new message.
    for (const entry of repeat)
      entry.bytes[0] = connack.sessionPresent
        ? (entry.bytes[0] as number) | 8
        : (entry.bytes[0] as number) & ~8
    repeatSome()
    change.notify()
  }

  const read = (packets: readonly Packet[]) => {
    const keys: string[] = []
    for (const packet of packets) {
      if (packet.cmd === 'disconnect') disconnects.push(packet.reasonCode ?? 0)
      if (packet.cmd !== 'puback') continue
      const entry = unacknowledged.get(packet.messageId ?? 0)
      if (entry === undefined) continue
      unacknowledged.delete(entry.id)
      onWire--
      entry.batch.left--
      const code = packet.reasonCode ?? 0
      if (code < 0x80) keys.push(entry.key)
      else {
        ledger.refuse(entry.key, code)
        counters.refused++
      }
    }
    ledger.acknowledge(keys)
    counters.acknowledged += keys.length
    repeatSome()
    change.notify()
  }

  const open = () => {
    ended = new Promise((resolve) => {
      connection = openConnection(
        {
          host: options.host ?? '127.0.0.1',
          port: options.port,
          protocolVersion,
          clientId,
          username: options.username,
          password: options.password,
          connectTimeout: options.connectTimeout ?? 30_000,
        },
        {
          opened,
          packets: read,
          closed() {
            connected = false
            connection = undefined
            output = []
            resolve()
            change.notify()
            if (failure === undefined) setTimeout(() => failure ?? open(), options.reconnectDelay ?? 50)
          },
        },
      )
    })
  }
  open()

  const nextId = () => {
    do lastId = (lastId % 65_535) + 1
    while (unacknowledged.has(lastId))
    return lastId
  }

  const accept = (message: LedgerMessage, batch: Batch) => {
    const id = nextId()
    const bytes = encodeMessage(message, id, protocolVersion)
    const entry: Entry = { key: message.key, id, bytes, batch }
    unacknowledged.set(id, entry)
    batch.left++
    counters.sent++
    put(entry)
  }

  // Messages to be resent use the window first: nothing new is sent before they all are.
  const room = (window: number) => connected && onWire < Math.min(window, serverWindow)

  const until = async (condition: () => boolean) => {
    for (;;) {
      if (failure !== undefined) throw failure
      if (condition()) return
      await change.next()
    }
  }

  const publishAll: LedgerPublisher['publishAll'] = async (given, how = {}) => {
    const messages = acceptSource(given)
    const { window, rate } = acceptPublishAll(how)
    const limit = Math.min(window ?? options.window ?? 1000, 65_535)
    const batch: Batch = { left: 0 }
    const pace = createPace(rate)
    const take = async () => {
      flush()
      await pace.wait()
      await until(() => room(limit))
    }
    const ready = () => failure === undefined && room(limit) && pace.isDue()

    const sendAll = async () => {
      if (Symbol.iterator in messages) {
        // No await per message: it would cost more than the message.
        for (const message of messages) {
          if (!ready()) await take()
          accept(message, batch)
          pace.count()
        }
        return
      }
      for await (const message of messages) {
        if (!ready()) await take()
        accept(message, batch)
        pace.count()
        flush()
      }
    }
    await sendAll().catch(refuseSource)
    flush()
    await until(() => batch.left === 0)
  }

  const close = async () => {
    if (failure === undefined) fail(new DeviceHubError('closed', `the publisher ${clientId} was closed`))
    if (connected) connection?.end()
    else connection?.destroy()
    await ended
    ledger.close()
  }

  return {
    ledger,
    counters,
    get connected() {
      return connected
    },
    get inFlight() {
      return unacknowledged.size
    },
    get peakInFlight() {
      return peakInFlight
    },
    disconnects,
    publishAll,
    cut: () => connection?.destroy(),
    close,
    [Symbol.asyncDispose]: close,
  }
}
