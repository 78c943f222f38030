import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import * as check from '@devicehub/core/check'
import {
  generate,
  type IConnackPacket,
  type IConnectPacket,
  type IPublishPacket,
  type ISubscription,
  type Packet,
  parser,
  type QoS,
} from 'mqtt-packet'
import { count } from '../option-rules.js'
import { freePort } from '../services/free-port.js'
import { waitUntil } from '../services/wait-until.js'
import { createPacketInbox, type PacketInbox } from './packet-inbox.js'

/** A PUBLISH of the fake broker. */
export interface FakePublication {
  /** The topic name. */
  readonly topic: string
  /** Text is sent as UTF-8. */
  readonly payload: string | Buffer
  /** Default 1. */
  readonly qos?: QoS
  /** Packet id. Default: the next one of this connection, from 1. */
  readonly messageId?: number
  /** The DUP flag. Default false. */
  readonly dup?: boolean
  /** The RETAIN flag. Default false. */
  readonly retain?: boolean
  /** MQTT 5 properties. */
  readonly properties?: NonNullable<IPublishPacket['properties']>
}

/** Options of `createFakeBroker`. */
export interface FakeBrokerOptions {
  /** Receive Maximum in the CONNACK (MQTT 5). Default: not sent, which means 65,535. */
  readonly receiveMaximum?: number
  /**
   * Returns fields of the CONNACK, or `false` to send none. Default: the connection is accepted; `sessionPresent` is
   * true when `clean` is not set and this client id connected before.
   */
  readonly onConnect?: (
    packet: IConnectPacket,
    connection: FakeConnection,
  ) => Partial<IConnackPacket> | false | undefined
  /**
   * Called with every packet after CONNECT, before it is answered. Returning `true` suppresses the automatic answer.
   */
  readonly onPacket?: (packet: Packet, connection: FakeConnection) => unknown
}

const { callback, integer, optional } = check

const OPTIONS = check.options<FakeBrokerOptions>({
  receiveMaximum: optional(integer({ min: 1, max: 65_535 })),
  onConnect: optional(callback<NonNullable<FakeBrokerOptions['onConnect']>>()),
  onPacket: optional(callback<NonNullable<FakeBrokerOptions['onPacket']>>()),
})

/** A connection of a client to the fake broker. */
export interface FakeConnection extends PacketInbox {
  /** Its number, from 0 in the order of the CONNECT packets. */
  readonly number: number
  /** The client id in the CONNECT. */
  readonly clientId: string
  /** The CONNECT packet. */
  readonly connect: IConnectPacket
  /** Every subscription requested so far. */
  readonly subscriptions: readonly ISubscription[]
  /** Packet ids of the PUBACKs received, in order. */
  readonly pubacks: readonly number[]
  /** False once the connection has ended. */
  readonly open: boolean
  /** Resolves when the connection has ended, whichever side ended it. */
  readonly closed: Promise<void>
  /**
   * Sends the publications in a single write, even past the client's Receive Maximum. Returns their packet ids; 0 for
   * QoS 0.
   */
  publish(publications: readonly FakePublication[]): number[]
  /** Sends packets in a single write. Does nothing once the connection has ended. */
  send(...packets: Packet[]): void
  /** Sends bytes as they are: malformed or partial packets. */
  write(bytes: Uint8Array): void
  /** Sends DISCONNECT with this reason code (MQTT 5) and closes the connection. */
  disconnect(reasonCode: number): void
  /** Closes the connection without a DISCONNECT. */
  cut(): void
  /** Stops reading from the socket. */
  pause(): void
  /** Reads from the socket again after `pause()`. */
  resume(): void
}

/** A broker that is programmed by a test. */
export interface FakeBroker extends AsyncDisposable {
  /** Always `127.0.0.1`. */
  readonly host: '127.0.0.1'
  /** The port it listens on. */
  readonly port: number
  /** `mqtt://127.0.0.1:<port>`. */
  readonly url: string
  /** All connections that sent a CONNECT so far, ended ones included. */
  readonly connections: readonly FakeConnection[]
  /** The connection with this number, from 0. Waits up to 1 min for it; then `transport_unavailable`. */
  connection(number: number): Promise<FakeConnection>
  /** Closes every open connection without a DISCONNECT. */
  cut(): void
  /** Closes every connection and stops listening. */
  close(): Promise<void>
}

/**
 * Starts a broker that a test programs, to see how a client copes with a broker that misbehaves. It answers each
 * packet as MQTT asks, unless `onConnect` or `onPacket` decides otherwise. It delivers nothing by itself.
 *
 * @example
 * import { createFakeBroker } from '@devicehub/test-kit'
 *
 * await using broker = await createFakeBroker({ receiveMaximum: 10 })
 * const connection = await broker.connection(0)
 * connection.publish([{ topic: 'things/weatherstation/WS-1/data', payload: '{"temperature":21}' }])
 */
export async function createFakeBroker(given: FakeBrokerOptions = {}): Promise<FakeBroker> {
  const options = check.accept('createFakeBroker', 'options', OPTIONS, given)
  const connections: FakeConnection[] = []
  const sessions = new Set<string>()
  const sockets = new Set<Socket>()

  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    const decoder = parser()
    let serve: ((packet: Packet) => void) | undefined
    decoder.on('packet', (packet) => {
      if (serve) return serve(packet)
      if (packet.cmd !== 'connect') return void socket.destroy()
      const accepted = acceptConnection(socket, packet, connections.length, options, sessions)
      connections.push(accepted.connection)
      serve = accepted.serve
      accepted.answer()
    })
    decoder.on('error', () => socket.destroy())
    socket.on('data', (chunk) => decoder.parse(chunk))
  })

  const port = await freePort()
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')

  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  let stopped: Promise<void> | undefined
  const stop = () => {
    stopped ??= new Promise<void>((resolve) => {
      server.close(() => resolve())
      cut()
    })
    return stopped
  }
  return {
    host: '127.0.0.1',
    port,
    url: `mqtt://127.0.0.1:${port}`,
    connections,
    async connection(given) {
      const number = check.accept('broker.connection', 'number', count, given)
      return waitUntil(`connection ${number} to the fake broker`, () => connections[number])
    },
    cut,
    close: stop,
    [Symbol.asyncDispose]: stop,
  }
}

function acceptConnection(
  socket: Socket,
  connect: IConnectPacket,
  number: number,
  options: FakeBrokerOptions,
  sessions: Set<string>,
) {
  const encoding = { protocolVersion: connect.protocolVersion ?? 4 }
  const inbox = createPacketInbox()
  const subscriptions: ISubscription[] = []
  const pubacks: number[] = []
  let lastId = 0

  const send = (...packets: Packet[]) => {
    if (socket.writable) socket.write(Buffer.concat(packets.map((packet) => generate(packet, encoding))))
  }
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      inbox.close('the client closed it')
      resolve()
    })
  })

  const connection: FakeConnection = {
    number,
    clientId: connect.clientId,
    connect,
    subscriptions,
    pubacks,
    closed,
    get open() {
      return !socket.destroyed
    },
    received: inbox.received,
    next: inbox.next,
    send,
    write: (bytes) => void socket.write(bytes),
    publish(publications) {
      const packets = publications.map((publication): IPublishPacket => {
        const { qos = 1, messageId, ...rest } = publication
        const packet: IPublishPacket = { cmd: 'publish', qos, dup: false, retain: false, ...rest }
        return qos === 0 ? packet : { ...packet, messageId: messageId ?? ++lastId }
      })
      send(...packets)
      return packets.map((packet) => packet.messageId ?? 0)
    },
    disconnect(reasonCode) {
      send({ cmd: 'disconnect', reasonCode })
      socket.end()
    },
    cut: () => void socket.destroy(),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
  }

  const answer = () => {
    const known = sessions.has(connect.clientId)
    const fields = options.onConnect?.(connect, connection)
    if (connect.clean) sessions.delete(connect.clientId)
    else sessions.add(connect.clientId)
    if (fields === false) return
    const properties =
      options.receiveMaximum === undefined ? {} : { properties: { receiveMaximum: options.receiveMaximum } }
    const sessionPresent = known && !connect.clean
    send({ cmd: 'connack', returnCode: 0, reasonCode: 0, sessionPresent, ...properties, ...fields })
  }

  const serve = (packet: Packet) => {
    if (packet.cmd === 'puback') pubacks.push(packet.messageId ?? 0)
    if (packet.cmd === 'subscribe') subscriptions.push(...packet.subscriptions)
    inbox.add(packet)
    if (options.onPacket?.(packet, connection) !== true) answerPacket(packet, send, socket)
  }
  return { connection, answer, serve }
}

function answerPacket(packet: Packet, send: (...packets: Packet[]) => void, socket: Socket): void {
  const messageId = packet.messageId ?? 0
  if (packet.cmd === 'pingreq') send({ cmd: 'pingresp' })
  if (packet.cmd === 'subscribe')
    send({ cmd: 'suback', messageId, granted: packet.subscriptions.map((s) => s.qos) })
  if (packet.cmd === 'unsubscribe')
    send({ cmd: 'unsuback', messageId, granted: packet.unsubscriptions.map(() => 0) })
  if (packet.cmd === 'publish' && packet.qos === 1) send({ cmd: 'puback', messageId, reasonCode: 0 })
  if (packet.cmd === 'publish' && packet.qos === 2) send({ cmd: 'pubrec', messageId, reasonCode: 0 })
  if (packet.cmd === 'pubrec') send({ cmd: 'pubrel', messageId, reasonCode: 0 })
  if (packet.cmd === 'pubrel') send({ cmd: 'pubcomp', messageId, reasonCode: 0 })
  if (packet.cmd === 'disconnect') socket.end()
}
