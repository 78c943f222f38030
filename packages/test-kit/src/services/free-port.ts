import { once } from 'node:events'
import { createServer } from 'node:net'
import { DeviceHubError } from '@devicehub/core'

// Below the kernel's range of ephemeral ports (from 32768): otherwise a client that retries while a server is down
// could be given the server's port, or even connect to itself.
const FIRST = 20_000
const LAST = 32_000

const handedOut = new Set<number>()

/**
 * A free loopback port between 20,000 and 32,000. A process never gets the same port twice. `transport_unavailable`
 * when none is found.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST))
    if (handedOut.has(port) || !(await isFreePort(port))) continue
    handedOut.add(port)
    return port
  }
  throw new DeviceHubError('transport_unavailable', `no free loopback port between ${FIRST} and ${LAST}`)
}

/** Whether nobody listens on the loopback port. */
export async function isFreePort(port: number): Promise<boolean> {
  const server = createServer()
  try {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return true
  } catch {
    return false
  } finally {
    server.close()
  }
}
