import { connect, type Socket } from 'node:net'
import { generate, type IConnackPacket, type Packet, parser } from 'mqtt-packet'

export interface LedgerConnectionOptions {
  readonly host: string
  readonly port: number
  readonly protocolVersion: 4 | 5
  readonly clientId: string
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** Milliseconds to wait for the CONNACK. */
  readonly connectTimeout: number
}

export interface LedgerConnectionEvents {
  opened(connack: IConnackPacket): void
  /** The packets of one read from the socket. */
  packets(packets: readonly Packet[]): void
  /** Called once at the end, also when it never opened. */
  closed(): void
}

export interface LedgerConnection {
  write(bytes: Buffer): void
  end(): void
  destroy(): void
}

/** One MQTT connection with a session that survives it. */
export function openConnection(
  options: LedgerConnectionOptions,
  events: LedgerConnectionEvents,
): LedgerConnection {
  const { protocolVersion, clientId } = options
  const socket: Socket = connect({ port: options.port, host: options.host, noDelay: true })
  const timer = setTimeout(() => socket.destroy(), options.connectTimeout)
  const decoder = parser({ protocolVersion })
  let packets: Packet[] = []

  decoder.on('packet', (packet) => {
    if (packet.cmd === 'connack') {
      clearTimeout(timer)
      events.opened(packet)
    } else packets.push(packet)
  })
  decoder.on('error', () => socket.destroy())
  socket.on('data', (chunk) => {
    decoder.parse(chunk)
    const parsed = packets
    packets = []
    events.packets(parsed)
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    clearTimeout(timer)
    events.closed()
  })
  socket.write(
    generate({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion,
      clientId,
      // A persistent session: without it, the broker would take a resent packet id for a new message.
      clean: false,
      keepalive: 0,
      ...(options.username === undefined ? {} : { username: options.username }),
      ...(options.password === undefined ? {} : { password: Buffer.from(options.password) }),
      ...(protocolVersion === 5 ? { properties: { sessionExpiryInterval: 3600 } } : {}),
    }),
  )
  return {
    write: (bytes) => void socket.write(bytes),
    end: () => void socket.end(generate({ cmd: 'disconnect', reasonCode: 0 }, { protocolVersion })),
    destroy: () => void socket.destroy(),
  }
}
