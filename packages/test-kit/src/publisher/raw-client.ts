import { connect, type Socket } from 'node:net'
import { DeviceHubError } from '@devicehub/core'
import * as check from '@devicehub/core/check'
import { errorLine } from '@devicehub/core/transport'
import {
  generate,
  type IConnackPacket,
  type IConnectPacket,
  type IPublishPacket,
  type ISubackPacket,
  type Packet,
  parser,
  type QoS,
} from 'mqtt-packet'
import { port } from '../option-rules.js'
import { randomName } from '../services/random-name.js'
import { createPacketInbox, type PacketInbox } from './packet-inbox.js'

/** Options of `createRawClient`. */
export interface RawMqttClientOptions {
  /** Host of the broker. Default `127.0.0.1`. */
  readonly host?: string
  /** Port of the broker. */
  readonly port: number
  /** 4 is MQTT 3.1.1. Default 5. */
  readonly protocolVersion?: 4 | 5
  /** Fields of the CONNECT packet. Default: a random client id, `clean: true`, no keepalive. */
  readonly connect?: Partial<Omit<IConnectPacket, 'cmd' | 'protocolVersion'>>
  /** Whether QoS 1 publications are acknowledged on arrival. Default false: the test acknowledges. */
  readonly acknowledge?: boolean
}

const { flag, optional, text, word } = check

export const RAW_CLIENT_OPTIONS: check.OptionRules<RawMqttClientOptions> = {
  host: optional(text({ max: 255 })),
  port,
  protocolVersion: optional(word(4, 5)),
  // Not checked field by field: a test may send a packet that breaks the protocol.
  connect: optional(check.record as check.Rule<NonNullable<RawMqttClientOptions['connect']>>),
  acknowledge: optional(flag),
}
const OPTIONS = check.options<RawMqttClientOptions>(RAW_CLIENT_OPTIONS)

/** An MQTT client that does nothing by itself: it sends what it is told and shows what it receives. */
export interface RawMqttClient extends PacketInbox, AsyncDisposable {
  /** The client id in the CONNECT. */
  readonly clientId: string
  /** 4 is MQTT 3.1.1. */
  readonly protocolVersion: 4 | 5
  /** The broker's answer to the CONNECT, which may be a refusal. */
  readonly connack: IConnackPacket
  /** Resolves when the connection has ended, whichever side ended it. */
  readonly closed: Promise<void>
  /** False once the connection has ended. */
  readonly open: boolean
  /** Sends packets in a single write. `closed` once the connection has ended. */
  send(...packets: Packet[]): void
  /** Sends bytes as they are: malformed or partial packets. */
  write(bytes: Uint8Array): void
  /** Subscribes to a topic filter (QoS 1 by default) and returns the SUBACK, which may be a refusal. */
  subscribe(topic: string, qos?: QoS): Promise<ISubackPacket>
  /**
   * Publishes (QoS 1 by default) and waits for the PUBACK, or at QoS 2 for the PUBCOMP. The packet id is chosen if it
   * is not given.
   */
  publish(
    topic: string,
    payload: string | Buffer,
    options?: Partial<Omit<IPublishPacket, 'cmd' | 'topic' | 'payload'>>,
  ): Promise<void>
  /** Sends PUBACKs for these publications or packet ids, in this order and in a single write. */
  acknowledge(...packets: readonly (IPublishPacket | number)[]): void
  /** Stops reading from the socket. */
  pause(): void
  /** Reads from the socket again after `pause()`. */
  resume(): void
  /** Sends DISCONNECT and waits until the connection has ended. */
  disconnect(): Promise<void>
  /** Ends the connection without a DISCONNECT: the broker publishes the will. */
  destroy(): Promise<void>
}

function connectPacket(fields: Partial<IConnectPacket>): Buffer {
  const packet = { cmd: 'connect', protocolId: 'MQTT', clean: true, keepalive: 0, ...fields }
  try {
    return generate(packet as IConnectPacket)
  } catch (cause) {
    throw new DeviceHubError(
      'invalid_options',
      `createRawClient: connect cannot be encoded as a CONNECT packet: ${errorLine(cause)}`,
      { cause },
    )
  }
}

/**
 * Connects and waits for the CONNACK, which may be a refusal: see `connack`. `invalid_options` when `connect` cannot
 * be encoded; `closed` when the connection ends before the CONNACK.
 *
 * @example
 * import { createRawClient, startMosquitto } from '@devicehub/test-kit'
 *
 * await using broker = await startMosquitto()
 * await using client = await createRawClient({ port: broker.port, connect: { clientId: 'WS-1', clean: false } })
 * await client.subscribe('things/weatherstation/WS-1/cmd')
 * const command = await client.next('publish')
 * client.acknowledge(command)
 */
export async function createRawClient(given: RawMqttClientOptions): Promise<RawMqttClient> {
  const options = check.accept('createRawClient', 'options', OPTIONS, given)
  const protocolVersion = options.protocolVersion ?? 5
  const clientId = options.connect?.clientId ?? randomName('raw')
  // Encoded before connecting, so that an error leaves no connection open.
  const hello = connectPacket({ ...options.connect, clientId, protocolVersion })
  const encoding = { protocolVersion }
  const inbox = createPacketInbox()
  const socket: Socket = connect({ port: options.port, host: options.host ?? '127.0.0.1', noDelay: true })
  let lastId = 0

  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  const send = (...packets: Packet[]) => {
    if (!socket.writable) throw new DeviceHubError('closed', `the connection of ${clientId} has ended`)
    socket.write(Buffer.concat(packets.map((packet) => generate(packet, encoding))))
  }
  const acknowledge = (...packets: readonly (IPublishPacket | number)[]) =>
    send(
      ...packets.map((packet): Packet => {
        const messageId = typeof packet === 'number' ? packet : (packet.messageId ?? 0)
        return { cmd: 'puback', messageId, reasonCode: 0 }
      }),
    )

  const decoder = parser(encoding)
  decoder.on('packet', (packet) => {
    inbox.add(packet)
    if (options.acknowledge && packet.cmd === 'publish' && packet.qos === 1) acknowledge(packet)
  })
  decoder.on('error', (error: Error) => socket.destroy(error))
  let reason = 'the other side closed it'
  socket.on('data', (chunk) => decoder.parse(chunk))
  socket.on('error', (error) => {
    reason = error.message
  })
  socket.on('close', () => inbox.close(reason))

  socket.write(hello)
  const connack = await inbox.next('connack')

  const destroy = () => {
    socket.destroy()
    return closed
  }

  return {
    clientId,
    protocolVersion,
    connack,
    closed,
    get open() {
      return !socket.destroyed
    },
    received: inbox.received,
    next: inbox.next,
    send,
    write: (bytes) => void socket.write(bytes),
    subscribe(topic, qos = 1) {
      const messageId = nextId()
      send({ cmd: 'subscribe', messageId, subscriptions: [{ topic, qos, nl: false, rap: false, rh: 0 }] })
      return inbox.next('suback', { where: (packet) => packet.messageId === messageId })
    },
    async publish(topic, payload, fields = {}) {
      const qos = fields.qos ?? 1
      const messageId = fields.messageId ?? nextId()
      const packet: IPublishPacket = {
        cmd: 'publish',
        topic,
        payload,
        dup: false,
        retain: false,
        ...fields,
        qos,
      }
      send(qos === 0 ? packet : { ...packet, messageId })
      const where = (answer: Packet) => answer.messageId === messageId
      if (qos === 1) await inbox.next('puback', { where })
      if (qos === 2) {
        await inbox.next('pubrec', { where })
        send({ cmd: 'pubrel', messageId, reasonCode: 0 })
        await inbox.next('pubcomp', { where })
      }
    },
    acknowledge,
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    async disconnect() {
      if (socket.writable) {
        send({ cmd: 'disconnect', reasonCode: 0 })
        socket.end()
      }
      await closed
    },
    destroy,
    [Symbol.asyncDispose]: destroy,
  }

  function nextId(): number {
    lastId = (lastId % 65_535) + 1
    return lastId
  }
}
