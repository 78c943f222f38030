import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { DeviceHubError, memoryStorage } from '@devicehub/core'
import { nodeListener } from '@devicehub/http'
import { describe, expect, test } from 'vitest'
import { countedKeys } from '../testing/counted-keys.js'
import { type ProvisionWorld, provisionWorld, Station } from '../testing/provision-world.js'
import { createAttempts, networkOf } from './attempts.js'

const proof = 'a proof of sixteen characters or more'

const keyOf = (world: ProvisionWorld, more: { readonly createsDevices?: boolean } = {}) =>
  world.provisioner.claims.create(Station, { name: 'batch 7', maxUses: 10, expiresIn: 3_600, ...more })

describe('claims over HTTP', () => {
  const post = (world: ProvisionWorld, body: unknown, remoteAddress = '192.0.2.1') =>
    world.provisioner.claimHandler(
      new Request('http://hub.example/claim', {
        method: 'POST',
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
      { remoteAddress },
    )

  test('answer with credentials and topics', async () => {
    await using world = provisionWorld()
    const { key } = await keyOf(world, { createsDevices: true })
    const response = await post(world, { claim_key: key, device_id: 'S-1', proof })
    expect(response.status).toBe(200)
    expect(response.headers.get('cache-control')).toBe('no-store')
    const body = (await response.json()) as { credentials: { mqtt_password: string } }
    expect(body).toEqual({
      device_id: 'S-1',
      credentials: {
        mqtt_username: 'weatherstation-S-1',
        mqtt_password: expect.any(String),
        client_id: 'weatherstation-S-1',
        api_key: expect.any(String),
      },
      topics: {
        data: 'things/weatherstation/S-1/data',
        status: 'things/weatherstation/S-1/status',
        commands: 'things/weatherstation/S-1/cmd',
      },
    })
    expect(
      await world.provisioner.verify({
        username: 'weatherstation-S-1',
        password: body.credentials.mqtt_password,
      }),
    ).not.toBeNull()
  })

  test.each([
    ['a wrong key', { claim_key: 'wrong', device_id: 'S-1', proof }, 403],
    ['a short proof', { claim_key: 'wrong', device_id: 'S-1', proof: 'short' }, 400],
    ['no JSON', '{"claim_key": "secret-of-a-batch', 400],
    ['a JSON text', '"text"', 400],
    ['null', 'null', 400],
    ['too much', 'x'.repeat(5_000), 413],
  ])('refuse %s', async (_what, body, status) => {
    await using world = provisionWorld()
    const response = await post(world, body)
    expect(response.status).toBe(status)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    const text = await response.text()
    expect(JSON.parse(text)).toMatchObject({ status, code: expect.any(String), detail: expect.any(String) })
    expect(text + world.log.join()).not.toMatch(/secret-of-a-batch/)
  })

  test('are POSTs', async () => {
    await using world = provisionWorld()
    const response = await world.provisioner.claimHandler(new Request('http://hub.example/claim'))
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST'])
  })

  test('are not counted out when the database is away', async () => {
    const adapter = memoryStorage()
    const storage = {
      name: 'away',
      open(context: Parameters<typeof adapter.open>[0]) {
        const opened = adapter.open(context)
        const findKey = () => Promise.reject(new DeviceHubError('storage_unavailable', 'away'))
        return { ...opened, claims: { ...opened.claims, findKey } }
      },
    }
    await using world = provisionWorld({ storage, claimHandler: { maxFailures: 1 } })
    for (let i = 0; i < 3; i++) {
      const response = await post(world, { claim_key: 'k', device_id: 'S-1', proof })
      expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5'])
    }
  })

  test('are bounded by address: who fails too often waits, others do not', async () => {
    await using world = provisionWorld({ claimHandler: { maxFailures: 3 } })
    const { key } = await keyOf(world, { createsDevices: true })
    const bad = { claim_key: 'wrong', device_id: 'S-1', proof }
    const good = { claim_key: key, device_id: 'S-1', proof }
    for (let i = 0; i < 3; i++) expect((await post(world, bad)).status).toBe(403)
    const blocked = await post(world, good)
    expect(blocked.status).toBe(429)
    expect(Number(blocked.headers.get('retry-after'))).toBeGreaterThan(0)
    expect((await post(world, good, '192.0.2.2')).status).toBe(200)
    world.later(60_000)
    expect((await post(world, good)).status).toBe(200)
  })

  test('that are tried at once are bounded as those one after the other', async () => {
    const keys = countedKeys()
    await using world = provisionWorld({ storage: keys.storage })
    const bad = { claim_key: 'wrong', device_id: 'S-1', proof }
    const responses = await Promise.all(Array.from({ length: 900 }, () => post(world, bad)))
    const statuses = responses.map(({ status }) => status)
    expect(statuses.filter((status) => status === 403)).toHaveLength(30)
    expect(statuses.filter((status) => status === 429)).toHaveLength(870)
    expect(keys.lookups).toBe(30)
    expect(world.provisioner.stats().claims).toEqual({
      claimed: 0,
      refused: 30,
      blocked: 870,
      withoutAddress: 0,
    })
  })

  test('of many devices with valid keys behind one address are all granted, however many come at once', async () => {
    await using world = provisionWorld({ claimHandler: { maxFailures: 3 } })
    const { key } = await world.provisioner.claims.create(Station, {
      name: 'batch 8',
      maxUses: 200,
      expiresIn: 3_600,
      createsDevices: true,
    })
    const responses = await Promise.all(
      Array.from({ length: 200 }, (_, i) => post(world, { claim_key: key, device_id: `S-${i}`, proof })),
    )
    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]))
    expect(world.provisioner.stats().claims.claimed).toBe(200)
  })

  test('without an address are not limited, which is logged once and counted', async () => {
    await using world = provisionWorld({ claimHandler: { maxFailures: 2 } })
    const { key } = await keyOf(world, { createsDevices: true })
    const send = (body: object) =>
      world.provisioner.claimHandler(
        new Request('http://hub.example/claim', { method: 'POST', body: JSON.stringify(body) }),
      )
    for (let i = 0; i < 5; i++)
      expect((await send({ claim_key: 'wrong', device_id: 'S-1', proof })).status).toBe(403)
    expect((await send({ claim_key: key, device_id: 'S-1', proof })).status).toBe(200)
    expect(world.provisioner.stats().claims.withoutAddress).toBe(6)
    expect(world.log.filter((line) => line.includes('addressOf'))).toHaveLength(1)
  })

  test('that come through a proxy are told apart once it is said how, and until then it is said that they are not', async () => {
    const send = (world: ProvisionWorld) =>
      world.provisioner.claimHandler(
        new Request('http://hub.example/claim', {
          method: 'POST',
          headers: { 'x-forwarded-for': '192.0.2.9' },
          body: '{}',
        }),
        { remoteAddress: '127.0.0.1' },
      )
    await using unaware = provisionWorld()
    await send(unaware)
    await send(unaware)
    expect(unaware.log.filter((line) => line.includes('proxy'))).toHaveLength(1)
    await using aware = provisionWorld({
      claimHandler: { addressOf: (request) => request.headers.get('x-forwarded-for') ?? undefined },
    })
    await send(aware)
    expect(aware.log.filter((line) => line.includes('proxy'))).toEqual([])
  })

  test('are not kept out by requests that never end', async () => {
    await using world = provisionWorld({ claimHandler: { maxPending: 5 } })
    const { key } = await keyOf(world, { createsDevices: true })
    const server = createServer(nodeListener(world.provisioner.claimHandler))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const half = 'POST /claim HTTP/1.1\r\nhost: x\r\ncontent-length: 200\r\n\r\n{"claim_key":'
    const sockets = await Promise.all(
      Array.from(
        { length: 300 },
        () =>
          new Promise<Socket>((resolve, reject) => {
            const socket = connect(port, '127.0.0.1', () => socket.write(half, () => resolve(socket)))
            socket.once('error', reject)
          }),
      ),
    )
    try {
      const arrived = () =>
        new Promise<number>((resolve) => server.getConnections((_error, count) => resolve(count)))
      await expect.poll(arrived, { timeout: 60_000 }).toBe(300)
      const response = await fetch(`http://127.0.0.1:${port}/claim`, {
        method: 'POST',
        body: JSON.stringify({ claim_key: key, device_id: 'S-1', proof }),
      })
      expect(response.status).toBe(200)
    } finally {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    }
  })

  test('that fail are remembered for so many addresses, and by network', async () => {
    let now = 0
    const attempts = createAttempts({
      clock: { now: () => now },
      perMinute: 1,
      max: 100,
      maxQueued: 10,
      patience: 10,
    })
    const blockedFor = async (address: string) => {
      const leave = await attempts.begin(address)
      if (typeof leave !== 'function') return leave
      leave(false)
      return null
    }
    for (let i = 0; i < 1_000; i++) attempts.failed(`address ${i}`)
    let blocked = 0
    for (let i = 900; i < 1_000; i++) if ((await blockedFor(`address ${i}`)) !== null) blocked++
    expect(blocked).toBe(100)
    expect(await blockedFor('address 0')).toBeNull()
    now = 60_000
    expect(await blockedFor('address 999')).toBeNull()
    attempts.failed('2001:db8:1:2:3:4:5:6')
    expect(await blockedFor('2001:0db8:0001:0002::1')).toEqual({ blocked: 'failures', seconds: 60 })
    expect(await blockedFor('2001:db8:1:3::1')).toBeNull()
    // A clock that is set back does not keep it out for longer.
    now = 0
    expect(await blockedFor('2001:db8:1:2::1')).toBeNull()
    expect(networkOf('::1')).toBe('0:0:0:0::/64')
    expect(networkOf('::ffff:192.0.2.1')).toBe('::ffff:192.0.2.1')
    expect(networkOf('192.0.2.1')).toBe('192.0.2.1')
    expect(typeof (await attempts.begin('slow'))).toBe('function')
    expect(await attempts.begin('slow')).toEqual({ blocked: 'full' })
  })
})
