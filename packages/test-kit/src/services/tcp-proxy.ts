import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import * as check from '@devicehub/core/check'
import { port as portRule } from '../option-rules.js'
import { freePort } from './free-port.js'

/** `flow`: passed on. `stall`: no longer read, so the sender's buffers fill. `drop`: read and thrown away. */
export type FlowMode = 'flow' | 'stall' | 'drop'

export interface TcpProxyOptions {
  /** Default 127.0.0.1. */
  readonly targetHost?: string
  /** Port to listen on. Default: a free one. */
  readonly port?: number
  /** Sees every chunk from a client before it is passed on; `false` drops it. May change the proxy's modes. */
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

export interface TcpProxy extends AsyncDisposable {
  readonly host: '127.0.0.1'
  readonly port: number
  /** Connections open now. */
  readonly open: number
  readonly counters: Readonly<TcpProxyCounters>
  /** What happens from now on to bytes from clients, on open and on new connections. */
  toServer(mode: FlowMode): void
  /** The same for bytes from the server. */
  toClient(mode: FlowMode): void
  /** Whether new connections are closed at once. */
  refuse(refusing: boolean): void
  /** Destroys every open connection, both ends; returns how many. New ones are still accepted. */
  cut(): number
  close(): Promise<void>
}

export interface TcpProxyCounters {
  accepted: number
  refused: number
  /** Bytes passed on and thrown away. */
  toServer: number
  toClient: number
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

/** A proxy in front of a server on which a test can cause the faults of a network. */
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
