import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import * as check from '@devicehub/core/check'
import { port as portRule } from '../option-rules.js'
import { freePort } from './free-port.js'

/**
 * What happens to bytes in one direction. `flow`: forwarded. `stall`: not read, so that the sender's buffers fill.
 * `drop`: read and discarded.
 */
export type FlowMode = 'flow' | 'stall' | 'drop'

/** Options of `createTcpProxy`. */
export interface TcpProxyOptions {
  /** Host of the server. Default `127.0.0.1`. */
  readonly targetHost?: string
  /** Port to listen on. Default: a free one. */
  readonly port?: number
  /**
   * Called with each chunk from a client before it is forwarded, and with the number of the connection, from 0.
   * Returning `false` discards the chunk. It may change the modes of the proxy, which then hold for this chunk
   * already.
   */
  readonly onClientData?: (chunk: Buffer, connection: number) => unknown
  /** The same for chunks from the server. */
  readonly onServerData?: (chunk: Buffer, connection: number) => unknown
}

const { callback, optional, text, word } = check

const OPTIONS = check.options<TcpProxyOptions>({
  targetHost: optional(text({ max: 255 })),
  port: optional(portRule),
  onClientData: optional(callback<NonNullable<TcpProxyOptions['onClientData']>>()),
  onServerData: optional(callback<NonNullable<TcpProxyOptions['onServerData']>>()),
})
const MODE = word<FlowMode>('flow', 'stall', 'drop')

/** A TCP proxy whose connections a test can stall, cut and refuse. */
export interface TcpProxy extends AsyncDisposable {
  /** Always `127.0.0.1`. */
  readonly host: '127.0.0.1'
  /** The port clients connect to. */
  readonly port: number
  /** How many connections are open now. */
  readonly open: number
  /** Counts since the start. */
  readonly counters: Readonly<TcpProxyCounters>
  /** Sets what happens from now on to bytes from clients, on open and on new connections. */
  toServer(mode: FlowMode): void
  /** The same for bytes from the server. */
  toClient(mode: FlowMode): void
  /** Whether new connections are closed at once. Default false. */
  refuse(refusing: boolean): void
  /** Destroys both ends of every open connection and returns how many there were. New ones are still accepted. */
  cut(): number
  /** Destroys every connection and stops listening. */
  close(): Promise<void>
}

/** Counts of `createTcpProxy`. */
export interface TcpProxyCounters {
  /** Connections accepted. */
  accepted: number
  /** Connections closed at once, because of `refuse(true)`. */
  refused: number
  /** Bytes forwarded to the server. */
  toServer: number
  /** Bytes forwarded to clients. */
  toClient: number
  /** Bytes discarded, in both directions. */
  dropped: number
}

type Direction = 'toServer' | 'toClient'

interface Connection {
  readonly number: number
  readonly client: Socket
  readonly server: Socket
  /** What was read before a stall stopped the reading. */
  readonly held: Record<Direction, Buffer[]>
  /** Makes the sockets follow the mode. */
  readonly apply: Record<Direction, () => void>
}

/**
 * Starts a TCP proxy in front of a server, with which a test causes network faults.
 *
 * @example
 * import { createMqttListener } from '@devicehub/mqtt-listener'
 * import { createTcpProxy, startMosquitto } from '@devicehub/test-kit'
 * import { hub } from './hub.js'
 *
 * await using broker = await startMosquitto()
 * await using proxy = await createTcpProxy(broker.port)
 * await using listener = createMqttListener(hub, { url: `mqtt://127.0.0.1:${proxy.port}`, clientId: 'ingest' })
 * proxy.toClient('drop') // the listener gets no more answers
 * proxy.cut() // and loses its connection
 */
export async function createTcpProxy(targetPort: number, given: TcpProxyOptions = {}): Promise<TcpProxy> {
  check.accept('createTcpProxy', 'port', portRule, targetPort)
  const options = check.accept('createTcpProxy', 'options', OPTIONS, given)
  const counters: TcpProxyCounters = { accepted: 0, refused: 0, toServer: 0, toClient: 0, dropped: 0 }
  const modes: Record<Direction, FlowMode> = { toServer: 'flow', toClient: 'flow' }
  const connections = new Set<Connection>()
  let refusing = false

  const pipe = (connection: Connection, direction: Direction) => {
    const [from, to, look] =
      direction === 'toServer'
        ? ([connection.client, connection.server, options.onClientData] as const)
        : ([connection.server, connection.client, options.onServerData] as const)
    const pass = (chunk: Buffer) => {
      counters[direction] += chunk.length
      if (!to.write(chunk)) from.pause()
    }
    from.on('data', (chunk: Buffer) => {
      const kept = modes[direction] !== 'drop' && look?.(chunk, connection.number) !== false
      // Looked at again: the hook may have changed it, and then it holds for this chunk already.
      const mode = modes[direction]
      if (!kept || mode === 'drop' || to.destroyed) counters.dropped += chunk.length
      else if (mode === 'stall') connection.held[direction].push(chunk)
      else pass(chunk)
    })
    to.on('drain', () => {
      if (modes[direction] !== 'stall') from.resume()
    })
    from.on('end', () => {
      if (modes[direction] === 'flow') to.end()
    })
    connection.apply[direction] = () => {
      if (modes[direction] === 'stall') return void from.pause()
      for (const chunk of connection.held[direction].splice(0))
        if (modes[direction] === 'flow') pass(chunk)
        else counters.dropped += chunk.length
      from.resume()
    }
    connection.apply[direction]()
  }

  const listener = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    if (refusing) {
      counters.refused++
      client.destroy()
      return
    }
    const host = options.targetHost ?? '127.0.0.1'
    const server = connect({ port: targetPort, host, allowHalfOpen: true, noDelay: true })
    const connection: Connection = {
      number: counters.accepted++,
      client,
      server,
      held: { toServer: [], toClient: [] },
      apply: { toServer: () => {}, toClient: () => {} },
    }
    connections.add(connection)
    for (const socket of [client, server]) {
      socket.on('error', () => {})
      socket.on('close', () => end(connection))
    }
    pipe(connection, 'toServer')
    pipe(connection, 'toClient')
  })

  const end = (connection: Connection) => {
    connections.delete(connection)
    connection.client.destroy()
    connection.server.destroy()
  }

  const cut = () => {
    const cutNow = [...connections]
    for (const connection of cutNow) end(connection)
    return cutNow.length
  }

  const setMode = (direction: Direction, mode: FlowMode) => {
    modes[direction] = check.accept(`proxy.${direction}`, 'mode', MODE, mode)
    for (const connection of connections) connection.apply[direction]()
  }

  const port = options.port ?? (await freePort())
  listener.listen(port, '127.0.0.1')
  await once(listener, 'listening')

  let stopped: Promise<void> | undefined
  const stop = () => {
    stopped ??= new Promise<void>((resolve) => {
      listener.close(() => resolve())
      cut()
    })
    return stopped
  }

  return {
    host: '127.0.0.1',
    port,
    get open() {
      return connections.size
    },
    counters,
    toServer: (mode) => setMode('toServer', mode),
    toClient: (mode) => setMode('toClient', mode),
    refuse: (value) => {
      refusing = value
    },
    cut,
    close: stop,
    [Symbol.asyncDispose]: stop,
  }
}
