import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { freePort } from './free-port.js'
import { createTcpProxy, type TcpProxyOptions } from './tcp-proxy.js'
import { waitUntil } from './wait-until.js'

interface Peer {
  readonly socket: Socket
  readonly text: () => string
}

function peer(socket: Socket): Peer {
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk
  })
  socket.on('error', () => {})
  return { socket, text: () => text }
}

async function setUp(options: TcpProxyOptions = {}) {
  const accepted: Peer[] = []
  const server = createServer((socket) => void accepted.push(peer(socket)))
  const port = await freePort()
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const proxy = await createTcpProxy(port, options)
  return {
    proxy,
    accepted,
    async connect() {
      const client = peer(connect(proxy.port, '127.0.0.1'))
      const count = accepted.length
      const remote = await waitUntil('the connection', () => accepted[count])
      return { client, remote }
    },
    async [Symbol.asyncDispose]() {
      await proxy.close()
      for (const { socket } of accepted) socket.destroy()
      server.close()
    },
  }
}

const has = (side: Peer, text: string) =>
  waitUntil(`"${text}", got "${side.text()}"`, () => side.text() === text)

it('passes bytes both ways, ends too, and counts them', async () => {
  await using net = await setUp()
  const { client, remote } = await net.connect()
  client.socket.write('question')
  await has(remote, 'question')
  remote.socket.end('answer')
  await has(client, 'answer')
  await waitUntil('the end', () => net.proxy.open === 0)
  expect(net.proxy.counters).toEqual({ accepted: 1, refused: 0, toServer: 8, toClient: 6, dropped: 0 })
})

it('passes a lot of data through a slow reader unchanged', async () => {
  await using net = await setUp()
  const { client, remote } = await net.connect()
  const size = 20_000_000
  let received = 0
  let ordered = true
  remote.socket.removeAllListeners('data')
  remote.socket.on('data', (chunk: Buffer) => {
    for (let index = 0; index < chunk.length; index += 1009)
      ordered &&= chunk[index] === (received + index) % 251
    received += chunk.length
  })
  remote.socket.pause()
  client.socket.write(Buffer.from(Array.from({ length: size }, (_, index) => index % 251)))
  await waitUntil('the buffers to fill', () => net.proxy.counters.toServer > 0)
  await sleep(300)
  // The proxy must not take what the server does not: memory is bounded by the sockets' buffers.
  expect(net.proxy.counters.toServer).toBeLessThan(size)
  remote.socket.resume()
  await waitUntil('all of it', () => received === size)
  expect(ordered).toBe(true)
})

it('cut() ends both ends of each connection; new ones are accepted', async () => {
  await using net = await setUp()
  const first = await net.connect()
  const second = await net.connect()
  expect(net.proxy.open).toBe(2)
  expect(net.proxy.cut()).toBe(2)
  for (const { socket } of [first.client, first.remote, second.client, second.remote])
    await waitUntil('the end', () => socket.destroyed || socket.readableEnded)
  const third = await net.connect()
  third.client.socket.write('again')
  await has(third.remote, 'again')
})

it('a stalled direction holds what comes and loses nothing; the other flows', async () => {
  await using net = await setUp()
  const { client, remote } = await net.connect()
  net.proxy.toServer('stall')
  client.socket.write('held')
  remote.socket.write('free')
  await has(client, 'free')
  await sleep(100)
  expect(remote.text()).toBe('')

  const later = net.connect()
  net.proxy.toServer('flow')
  await has(remote, 'held')
  const { client: newer, remote: newest } = await later
  newer.socket.write('new')
  await has(newest, 'new')

  net.proxy.toClient('stall')
  remote.socket.write(' late')
  client.socket.write(' on')
  await has(remote, 'held on')
  expect(client.text()).toBe('free')
  net.proxy.toClient('flow')
  await has(client, 'free late')
})

it('a dropping direction swallows what comes, and the connection stays', async () => {
  await using net = await setUp()
  const { client, remote } = await net.connect()
  net.proxy.toServer('drop')
  client.socket.write('lost')
  await waitUntil('the drop', () => net.proxy.counters.dropped === 4)
  net.proxy.toServer('flow')
  client.socket.write('kept')
  await has(remote, 'kept')
})

it('a hook sees each chunk before it is passed on, and can drop it or change the mode for it', async () => {
  const seen: string[] = []
  await using net = await setUp({
    onClientData(chunk) {
      seen.push(String(chunk))
      if (String(chunk) === 'drop') return false
      if (String(chunk) === 'stall') net.proxy.toServer('stall')
      if (String(chunk) === 'cut') net.proxy.cut()
      return true
    },
  })
  const { client, remote } = await net.connect()
  client.socket.write('drop')
  await waitUntil('the drop', () => net.proxy.counters.dropped === 4)
  client.socket.write('stall')
  await waitUntil('the stall', () => seen.length === 2)
  net.proxy.toServer('flow')
  await has(remote, 'stall')
  client.socket.write('cut')
  await waitUntil('the end', () => client.socket.destroyed)
  expect(remote.text()).toBe('stall')
  expect(seen).toEqual(['drop', 'stall', 'cut'])
})

it('refuses connections when told to, and when the server is away', async () => {
  await using net = await setUp()
  net.proxy.refuse(true)
  const refused = peer(connect(net.proxy.port, '127.0.0.1'))
  await waitUntil('the end', () => refused.socket.destroyed)
  expect(net.proxy.counters).toMatchObject({ accepted: 0, refused: 1 })
  net.proxy.refuse(false)
  await net.connect()

  await using nobody = await createTcpProxy(await freePort())
  const alone = peer(connect(nobody.port, '127.0.0.1'))
  await waitUntil('the end', () => alone.socket.destroyed)
})
