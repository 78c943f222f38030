import { connect, type Socket } from 'node:net'
import { createRawClient } from '@devicehub/test-kit'
import { HEALTHY } from './arena.js'
import { hostileCase, sleep } from './hostile-case.js'

const proof = 'a proof of sixteen characters or more'

export const slowClaims = hostileCase({
  name: 'claims that never end, and 900 wrong keys at once',
  async attack({ arena, hub, quick }) {
    const sockets = await halfClaims(hub.claimPort, quick ? 500 : 1_000)
    const broken: string[] = []
    const claim = (key: string, deviceId: string) =>
      fetch(`http://127.0.0.1:${hub.claimPort}/claim`, {
        method: 'POST',
        body: JSON.stringify({ claim_key: key, device_id: deviceId, proof }),
      })
    try {
      const began = performance.now()
      const { status } = await claim(arena.claimKey, 'new-1')
      const took = Math.round(performance.now() - began)
      if (status !== 200) broken.push(`a good claim beside them was answered with ${status}`)
      if (took > 1_000) broken.push(`a good claim beside them took ${took} ms`)
      const wrong = await Promise.all(
        Array.from({ length: 900 }, async (_, n) => (await claim(`wrong-${n}`, 'new-2')).status),
      )
      const decided = wrong.filter((each) => each === 403).length
      if (decided > 30) broken.push(`${decided} wrong keys were looked at, and 30 a minute are allowed`)
      const { claims } = await hub.stats()
      return {
        injected: sockets.length + wrong.length,
        observed: sockets.filter((socket) => !socket.destroyed).length + wrong.length,
        broken,
        details: { goodClaimMs: took, wrongKeysLookedAt: decided, claims },
      }
    } finally {
      for (const socket of sockets) socket.destroy()
    }
  },
})

async function halfClaims(port: number, count: number): Promise<readonly Socket[]> {
  const half = 'POST /claim HTTP/1.1\r\nhost: x\r\ncontent-length: 200\r\n\r\n{"claim_key":'
  const open = () =>
    new Promise<Socket>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(half, () => resolve(socket)))
      socket.on('error', reject)
    })
  return Promise.all(Array.from({ length: count }, open))
}

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
