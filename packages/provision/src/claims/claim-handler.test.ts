import { DeviceHubError, memoryStorage } from '@devicehub/core'
import { describe, expect, test } from 'vitest'
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

  test('that fail are remembered for so many addresses, and by network', () => {
    let now = 0
    const attempts = createAttempts({ clock: { now: () => now }, perMinute: 1, max: 100 })
    for (let i = 0; i < 1_000; i++) attempts.failed(`address ${i}`)
    expect(
      Array.from({ length: 1_000 }, (_, i) => attempts.blockedFor(`address ${i}`)).filter(Boolean),
    ).toHaveLength(100)
    now = 60_000
    expect(attempts.blockedFor('address 999')).toBeNull()
    attempts.failed('2001:db8:1:2:3:4:5:6')
    expect(attempts.blockedFor('2001:0db8:0001:0002::1')).toBe(60)
    expect(attempts.blockedFor('2001:db8:1:3::1')).toBeNull()
    expect(networkOf('::1')).toBe('0:0:0:0::/64')
    expect(networkOf('::ffff:192.0.2.1')).toBe('::ffff:192.0.2.1')
    expect(networkOf('192.0.2.1')).toBe('192.0.2.1')
  })
})
