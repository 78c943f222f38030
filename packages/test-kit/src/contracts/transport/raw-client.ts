import { connect } from 'node:net'
import { DeviceHubError } from '@devicehub/core'
import * as check from '@devicehub/core/check'
import { generate, type IPublishPacket, type Packet, parser } from 'mqtt-packet'
import { port as portRule } from '../../option-rules.js'

/** A bare MQTT 3.1.1 client without reconnects, queues or automatic acknowledgements but its own. */
export interface RawClient {
  /** Whether the broker had kept the session. */
  readonly sessionPresent: boolean
  subscribe(filter: string, qos: 0 | 1 | 2): Promise<void>
  /** Resolves with the broker's PUBACK (QoS 1), the end of the handshake (QoS 2) or once written (QoS 0). */
  publish(
    topic: string,
    payload: string | Uint8Array,
    options?: { qos?: 0 | 1 | 2; retain?: boolean },
  ): Promise<void>
  acknowledge(packet: IPublishPacket): void
  /** DISCONNECT, then the end of the connection. */
  end(): Promise<void>
  readonly closed: Promise<void>
}

export interface RawClientOptions {
  readonly port: number
  readonly clientId: string
  readonly clean: boolean
  /** May come before `connectRaw` resolves: stored messages follow the CONNACK at once. */
  readonly onPublish?: (packet: IPublishPacket, client: RawClient) => void
}

const OPTIONS = check.options<RawClientOptions>({
  port: portRule,
  clientId: check.text({ min: 0, max: 16_383 }),
  clean: check.flag,
  onPublish: check.optional(check.callback<NonNullable<RawClientOptions['onPublish']>>()),
})

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
