import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import * as check from '@devicehub/core/check'
import { port as portRule } from '../../option-rules.js'

/**
 * A TCP proxy in front of a broker. It sees what a client acknowledges before the broker does, and can hold or cut
 * connections: so a test can tell "acknowledged" from "will be acknowledged".
 */
export interface WireTap {
  /** The port clients connect to, on `127.0.0.1`. */
  readonly port: number
  /** Packet ids of the PUBACK (QoS 1) and PUBREC (QoS 2) packets that clients sent, in order. */
  readonly acknowledged: readonly number[]
  /** How many connections clients opened. */
  readonly connections: number
  /** How many connections were reset because of `accepting`. */
  readonly refused: number
  /** Sends connections opened from now on to another broker on `127.0.0.1`. */
  retarget(port: number): void
  /** Holds back what the broker sends, until `release`. */
  hold(): void
  /** Forwards what `hold` held back, and what follows. */
  release(): void
  /** Resets every connection, as a failing network does. */
  cut(): void
  /** While false, connections are reset as soon as they are made. Default true. */
  accepting: boolean
  /** Resets every connection and stops listening. */
  close(): Promise<void>
}

const PUBACK = 4
const PUBREC = 5

/**
 * Starts a wire tap in front of the broker on this port of `127.0.0.1`.
 *
 * @example
 * import { createRawSubscriber, openWireTap, startMosquitto } from '@devicehub/test-kit'
 *
 * await using broker = await startMosquitto()
 * const tap = await openWireTap(broker.port)
 * await using subscriber = await createRawSubscriber({ port: tap.port, topics: 'things/#' })
 * tap.acknowledged // the packet ids of its PUBACKs
 * await tap.close()
 */
export async function openWireTap(brokerPort: number): Promise<WireTap> {
  check.accept('openWireTap', 'port', portRule, brokerPort)
  const acknowledged: number[] = []
  const pairs = new Set<readonly [Socket, Socket]>()
  let target = brokerPort
  let connections = 0
  let refused = 0
  let held = false

  // Half-open: a client that waits for the broker to end the connection must see the broker end it, not the proxy.
  const server = createServer({ allowHalfOpen: true }, (client) => {
    if (!tap.accepting) {
      refused++
      client.on('error', ignore)
      client.resetAndDestroy()
      return
    }
    connections++
    const broker = connect({ port: target, host: '127.0.0.1', allowHalfOpen: true })
    const pair = [client, broker] as const
    pairs.add(pair)
    client.setNoDelay(true)
    broker.setNoDelay(true)
    const seen = packetReader((type, body) => {
      if (type === PUBACK || type === PUBREC) acknowledged.push(body.readUInt16BE(0))
    })
    client.on('data', seen)
    client.pipe(broker)
    broker.pipe(client)
    if (held) broker.unpipe(client)
    for (const [socket, peer] of [pair, [broker, client] as const]) {
      socket.on('error', ignore)
      socket.on('close', (failed) => {
        // An orderly end must not discard what is still being sent to the other side.
        if (failed) peer.destroy()
        else peer.end()
        pairs.delete(pair)
      })
    }
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })

  const tap: WireTap = {
    port: (server.address() as AddressInfo).port,
    acknowledged,
    accepting: true,
    get connections() {
      return connections
    },
    get refused() {
      return refused
    },
    retarget(port) {
      target = port
    },
    hold() {
      held = true
      for (const [client, broker] of pairs) broker.unpipe(client)
    },
    release() {
      held = false
      for (const [client, broker] of pairs) broker.pipe(client)
    },
    cut() {
      for (const [client, broker] of pairs) {
        client.resetAndDestroy()
        broker.destroy()
      }
    },
    async close() {
      tap.accepting = false
      tap.cut()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return tap
}

const ignore = () => {}

/** Splits a stream into control packets [MQTT-2.1]: type and flags, length in 7-bit groups, body. */
export function packetReader(
  onPacket: (type: number, body: Buffer, flags: number) => void,
): (chunk: Buffer) => void {
  let pending: Buffer = Buffer.alloc(0)
  return (chunk) => {
    pending = pending.length > 0 ? Buffer.concat([pending, chunk]) : chunk
    for (;;) {
      let length = 0
      let at = 1
      for (let shift = 0; ; shift += 7) {
        const byte = pending[at]
        if (byte === undefined) return
        at++
        length += (byte & 127) << shift
        if (byte < 128) break
      }
      if (pending.length < at + length) return
      const first = pending[0] ?? 0
      onPacket(first >> 4, pending.subarray(at, at + length), first & 15)
      pending = pending.subarray(at + length)
    }
  }
}
