import { createServer, type Server } from 'node:net'
import { Aedes } from 'aedes'

export interface EmbeddedBroker {
  readonly port: number
  close(): Promise<void>
}

/** An MQTT 3.1.1 broker in this process, on the first free port from `port` on. Loopback only: it asks nobody for a password. */
export async function startBroker(port: number): Promise<EmbeddedBroker> {
  const aedes = await Aedes.createBroker()
  const server = createServer(aedes.handle)
  const taken = await listenOnFreePort(server, port)
  return {
    port: taken,
    async close() {
      await new Promise<void>((resolve) => aedes.close(() => resolve()))
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

async function listenOnFreePort(server: Server, first: number): Promise<number> {
  for (let port = first; port < first + 100 && port <= 65_535; port++) {
    if (await listens(server, port)) return port
  }
  throw new Error(`no free port from ${first} to ${first + 99}; pass another with --port`)
}

const listens = (server: Server, port: number) =>
  new Promise<boolean>((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(false)
      else reject(error)
    }
    server.once('error', onError)
    server.listen(port, '127.0.0.1', () => {
      server.removeListener('error', onError)
      resolve(true)
    })
  })
