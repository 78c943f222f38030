import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { plainTransport } from './transport/plain-transport.js'
import { connectRaw } from './transport/raw-client.js'
import { transportContract } from './transport-contract.js'

transportContract('plain', {
  startBroker: startMosquitto,
  createTransport: ({ url, ingest }) => plainTransport({ url, ingest, filter: 'things/contract/+/data' }),
  topic: (name) => `things/contract/${name}/data`,
})

async function startMosquitto(): Promise<{ port: number; stop(): Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'contract-broker-'))
  const port = await freePort()
  const config = join(directory, 'mosquitto.conf')
  await writeFile(config, `listener ${port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 100\n`)
  const broker = spawn('mosquitto', ['-c', config], { stdio: 'ignore' })
  const exited = once(broker, 'exit')
  for (;;) {
    const client = await connectRaw({ port, clientId: 'ready', clean: true }).catch(() => null)
    if (client) {
      await client.end()
      break
    }
    if (broker.exitCode !== null) throw new Error('mosquitto did not start')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return {
    port,
    async stop() {
      broker.kill()
      await exited
      await rm(directory, { recursive: true })
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
