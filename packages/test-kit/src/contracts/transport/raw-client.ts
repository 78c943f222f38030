import { connect } from 'node:net'
import { DeviceHubError } from '@devicehub/core'
import * as check from '@devicehub/core/check'
import { generate, type IPublishPacket, type Packet, parser } from 'mqtt-packet'
import { port as portRule } from '../../option-rules.js'

/** An MQTT 3.1.1 client without reconnects, queues or automatic acknowledgements. */
export interface RawClient {
  /** Whether the broker had kept the session. */
  readonly sessionPresent: boolean
  /** Subscribes and waits for the SUBACK. */
  subscribe(filter: string, qos: 0 | 1 | 2): Promise<void>
  /**
   * Publishes, by default at QoS 1 and not retained. Resolves with the PUBACK (QoS 1), the PUBCOMP (QoS 2), or once
   * written (QoS 0).
   */
  publish(
    topic: string,
    payload: string | Uint8Array,
    options?: { qos?: 0 | 1 | 2; retain?: boolean },
  ): Promise<void>
  /** Sends a PUBACK (QoS 1) or PUBREC (QoS 2); does nothing for QoS 0. */
  acknowledge(packet: IPublishPacket): void
  /** Sends DISCONNECT and waits until the connection has ended. */
  end(): Promise<void>
  /** Resolves when the connection has ended, whichever side ended it. */
  readonly closed: Promise<void>
}

/** Options of `connectRaw`. */
export interface RawClientOptions {
  /** Port of the broker on `127.0.0.1`. */
  readonly port: number
  /** The client id in the CONNECT. */
  readonly clientId: string
  /** Whether the broker discards the session of this client id. */
  readonly clean: boolean
  /**
   * Called with each publication. The first may come before `connectRaw` resolves: queued messages follow the CONNACK
   * at once.
   */
  readonly onPublish?: (packet: IPublishPacket, client: RawClient) => void
}

const OPTIONS = check.options<RawClientOptions>({
  port: portRule,
  clientId: check.text({ min: 0, max: 16_383 }),
  clean: check.flag,
  onPublish: check.optional(check.callback<NonNullable<RawClientOptions['onPublish']>>()),
})

/**
 * Connects with MQTT 3.1.1 and waits for the CONNACK. `connection_refused` when the broker refuses,
 * `transport_unavailable` when the connection ends first.
 *
 * @example
 * import { connectRaw, startMosquitto } from '@devicehub/test-kit'
 *
 * await using broker = await startMosquitto()
 * const client = await connectRaw({
 *   port: broker.port,
 *   clientId: 'device',
 *   clean: true,
 *   onPublish: (packet, receiver) => receiver.acknowledge(packet),
 * })
 * await client.subscribe('things/#', 1)
 * await client.end()
 */
export async function connectRaw(given: RawClientOptions): Promise<RawClient> {
  const { port, clientId, clean, onPublish } = check.accept('connectRaw', 'options', OPTIONS, given)
  const socket = connect(port, '127.0.0.1')
  socket.setNoDelay(true)
  const waiting = new Map<string, { resolve: (packet: Packet) => void; reject: (error: Error) => void }>()
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  void closed.then(() => {
    for (const { reject } of waiting.values()) reject(ended())
    waiting.clear()
  })
  socket.on('error', () => {})

  const send = (packet: Packet) => socket.write(generate(packet))
  const answer = (cmd: string, id = 0) =>
    new Promise<Packet>((resolve, reject) => {
      if (socket.destroyed) reject(ended())
      else waiting.set(`${cmd} ${id}`, { resolve, reject })
    })
  const reader = parser({ protocolVersion: 4 })
  reader.on('packet', (packet: Packet) => {
    const key = `${packet.cmd} ${packet.messageId ?? 0}`
    if (packet.cmd === 'publish') onPublish?.(packet, client)
    // The second half of QoS 2 in both directions needs no decision.
    if (packet.cmd === 'pubrec') send({ cmd: 'pubrel', messageId: packet.messageId as number })
    if (packet.cmd === 'pubrel') send({ cmd: 'pubcomp', messageId: packet.messageId as number })
    waiting.get(key)?.resolve(packet)
    waiting.delete(key)
  })
  socket.on('data', (chunk) => reader.parse(chunk))

  let lastId = 0
  const nextId = () => {
    lastId = (lastId % 65_535) + 1
    return lastId
  }
  let sessionPresent = false
  const client: RawClient = {
    get sessionPresent() {
      return sessionPresent
    },
    closed,
    async subscribe(filter, qos) {
      const messageId = nextId()
      const done = answer('suback', messageId)
      send({ cmd: 'subscribe', messageId, subscriptions: [{ topic: filter, qos }] })
      await done
    },
    async publish(topic, payload, { qos = 1, retain = false } = {}) {
      const messageId = nextId()
      const bytes = typeof payload === 'string' ? payload : Buffer.from(payload)
      const done = qos === 0 ? null : answer(qos === 1 ? 'puback' : 'pubcomp', messageId)
      send({
        cmd: 'publish',
        topic,
        payload: bytes,
        qos,
        retain,
        dup: false,
        ...(qos > 0 ? { messageId } : {}),
      })
      await done
    },
    acknowledge({ qos, messageId }) {
      if (qos > 0 && messageId !== undefined) send({ cmd: qos === 1 ? 'puback' : 'pubrec', messageId })
    },
    async end() {
      send({ cmd: 'disconnect' })
      socket.end()
      await closed
    },
  }
  const connack = answer('connack')
  send({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clientId, clean, keepalive: 0 })
  const accepted = await connack
  if (accepted.cmd !== 'connack' || accepted.returnCode !== 0)
    throw new DeviceHubError('connection_refused', 'the broker refused the connection')
  sessionPresent = accepted.sessionPresent
  return client
}

const ended = () => new DeviceHubError('transport_unavailable', 'the connection to the broker ended')
