import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createRawClient } from '@devicehub/test-kit'
import { HEALTHY } from './arena.js'
import { hostileCase, sleep } from './hostile-case.js'

const proof = 'a proof of sixteen characters or more'

export const slowClaims = hostileCase({
  name: 'claims that never end, and 900 wrong keys at once',
  async attack({ arena, hub, quick }) {
    const broken: string[] = []
    const claim = (key: string, deviceId: string) =>
      post(hub.claimPort, { claim_key: key, device_id: deviceId, proof })
    const good = async (deviceId: string) => {
      const began = performance.now()
      const status = await claim(arena.claimKey, deviceId)
      if (status !== 200) broken.push(`the good claim of ${deviceId} was answered with ${status}`)
      return Math.round(performance.now() - began)
    }
    const inPeace = await good('new-1')
    const sockets = await halfClaims(hub.claimPort, quick ? 500 : 1_000)
    // All of them are taken in: it is their staying that must not be in the way.
    await sleep(1_000)
    try {
      const beside = await good('new-2')
      if (beside - inPeace > 1_000) broken.push(`a good claim took ${beside} ms, in peace ${inPeace} ms`)
      const wrong = await Promise.all(Array.from({ length: 900 }, (_, n) => claim(`wrong-${n}`, 'new-3')))
      const decided = wrong.filter((status) => status === 403).length
      if (decided > 30) broken.push(`${decided} wrong keys were looked at, and 30 a minute are allowed`)
      const { claims } = await hub.stats()
      return {
        injected: sockets.length + wrong.length,
        observed:
          sockets.filter((socket) => !socket.destroyed).length +
          wrong.filter((status) => status === 403 || status === 429).length,
        broken,
        details: { goodClaimMs: { inPeace, beside }, wrongKeysLookedAt: decided, claims },
      }
    } finally {
      for (const socket of sockets) socket.destroy()
    }
  },
})

const opened = (port: number, bytes: string) =>
  new Promise<Socket>((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes, () => resolve(socket)))
    socket.on('error', reject)
  })

const head = (length: number) =>
  `POST /claim HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: ${length}\r\n\r\n`

/** The status of the answer; by hand, since 900 at once are more work for a client of HTTP than for the server. */
async function post(port: number, body: object): Promise<number> {
  const text = JSON.stringify(body)
  const socket = await opened(port, head(text.length) + text)
  const [first] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  return Number(first.toString('latin1').split(' ')[1])
}

const halfClaims = (port: number, count: number): Promise<readonly Socket[]> =>
  Promise.all(Array.from({ length: count }, () => opened(port, `${head(200)}{"claim_key":`)))

export const refusedLogins = hostileCase({
  name: 'logins with wrong passwords and the client ids of healthy devices',
  async attack({ arena, quick }) {
    const rounds = quick ? 5 : 50
    let refused = 0
    for (let round = 0; round < rounds; round++) {
      await Promise.all(
        arena.healthy.map(async ({ username, clientId }) => {
          await using client = await createRawClient({
            port: arena.broker.port,
            connect: { username, clientId, password: Buffer.from('a wrong password') },
          })
          if ((client.connack.reasonCode ?? 0) >= 0x80) refused++
        }),
      )
    }
    return { injected: rounds * HEALTHY, observed: refused }
  },
})

const GROUP = 'ingest'

/** Nine sessions of one device in the listener's group would take nine messages of ten. */
export const theft = hostileCase({
  name: 'theft through the shared subscription of the hub, dynamic security',
  group: GROUP,
  async attack({ arena, quick }) {
    const filters = [`$share/${GROUP}/things/+/+/data`, `$share/${GROUP}/things/probe/+/data`, 'things/#']
    const [login] = arena.attackers
    if (login === undefined) throw new Error('there is no attacker')
    const thieves = []
    let refused = 0
    let stolen = 0
    for (let n = 0; n < 9; n++) {
      // One session a client id: with the user name of the device and ids of its own, where the broker lets it in.
      const client = await arena.connect({
        ...login,
        clientId: n === 0 ? login.clientId : `${login.clientId}-${n}`,
      })
      thieves.push(client)
      if ((client.connack.reasonCode ?? 0) >= 0x80) {
        refused += filters.length
        continue
      }
      for (const filter of filters)
        if (((await client.subscribe(filter)).granted[0] as number) >= 0x80) refused++
    }
    await sleep(quick ? 3_000 : 10_000)
    for (const client of thieves) {
      stolen += client.received.filter((packet) => packet.cmd === 'publish').length
      await client.destroy()
    }
    return {
      injected: 9 * filters.length,
      observed: refused,
      broken: stolen > 0 ? [`${stolen} messages reached a device they were not for`] : [],
    }
  },
})
