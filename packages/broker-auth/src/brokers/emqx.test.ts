import { randomUUID } from 'node:crypto'
import { describe, expect, it, test, vi } from 'vitest'
import { createBrokerAuth } from '../create-broker-auth.js'
import { Sensor, startFleet } from '../testing/fleet.js'
import { itDeniesTheTable, type Reply, useWire } from '../testing/wire.js'

const wire = useWire()

const DENY: Reply = { status: 200, type: 'application/json', body: '{"result":"deny"}' }
const ACL = [
  { permission: 'allow', action: 'publish', topic: 'things/sensor/A1/data' },
  { permission: 'allow', action: 'publish', topic: 'things/sensor/A1/status' },
  { permission: 'allow', action: 'publish', topic: 'things/sensor/A1/response' },
  { permission: 'allow', action: 'publish', topic: 'things/sensor/A1/state' },
  { permission: 'allow', action: 'subscribe', topic: 'things/sensor/A1/cmd' },
  { permission: 'allow', action: 'subscribe', topic: 'things/sensor/A1/desired' },
  { permission: 'deny', action: 'all', topic: '#' },
]

const PASSWORD = 'a-long-password-of-the-hub'

/** One question to endpoints of its own. */
async function authn(options: Parameters<typeof createBrokerAuth>[1], login: object) {
  await using fleet = startFleet()
  const { username, password } = await fleet.issue(Sensor, 'A1')
  const { fetch } = createBrokerAuth(fleet.hub, { public: true, ...options })
  const body = JSON.stringify({ username, password, clientid: username, ...login })
  const request = new Request('http://localhost/emqx/authn', { method: 'POST', body })
  return (await fetch(request)).json()
}

describe('the authentication of EMQX', () => {
  it('allows with all that the device may do, and the denial of anything else', async () => {
    const { username, password } = wire().cast.attacker
    const reply = await wire().json('/emqx/authn', { username, password, clientid: username })
    expect(reply).toMatchObject({ status: 200, type: 'application/json' })
    expect(JSON.parse(reply.body)).toEqual({ result: 'allow', is_superuser: false, acl: ACL })
  })

  it('denies with 200: for another status EMQX would go on to ask the next source', async () => {
    const { username, password } = wire().cast.attacker
    const login = { username, password, clientid: username }
    for (const wrong of [
      { password: 'x' },
      { password: '' },
      { username: 'x' },
      { clientid: '' },
      { clientid: 'x' },
    ])
      expect(await wire().json('/emqx/authn', { ...login, ...wrong })).toEqual(DENY)
    for (const body of ['', '{', '[]', '{"username":"\xff"}', 'x'.repeat(600_000)])
      for (const path of ['/emqx/authn', '/emqx/authz'])
        expect(await wire().post(path, body, { 'content-type': 'application/json' })).toEqual(DENY)
  })

  it('answers when the credential expires, in whole seconds', async () => {
    const { fleet } = wire()
    const username = 'sensor-E1'
    const expiresAt = Date.now() + 3_600_500
    await fleet.hub.devices.create(Sensor, { deviceId: 'E1' })
    const write = {
      type: Sensor,
      deviceId: 'E1',
      create: null,
      onlyNew: false,
      retire: null,
      username,
      now: Date.now(),
    }
    const hash = fleet.hub.credentials.hashes.keyed(username, PASSWORD)
    const credential = { id: randomUUID(), kind: 'password', lookup: username, hash } as const
    await fleet.hub.storage.credentials.write([
      { ...write, add: [{ ...credential, createdAt: Date.now(), expiresAt }] },
    ])
    const { body } = await wire().json('/emqx/authn', { username, password: PASSWORD, clientid: username })
    expect(JSON.parse(body)).toMatchObject({ result: 'allow', expire_at: Math.floor(expiresAt / 1000) })
  })

  it('gives no rules where there are others than those, so that each topic is asked for', async () => {
    expect(await authn({ rules: () => false }, {})).toEqual({ result: 'allow', is_superuser: false })
  })

  it('gives no rules that EMQX would read more into', async () => {
    const login = { username: 'hub', password: PASSWORD, clientid: 'c' }
    const account = { password: PASSWORD, publish: ['things/+/+/cmd'], subscribe: ['things/#'] }
    expect(await authn({ accounts: { hub: account } }, login)).toEqual({
      result: 'allow',
      is_superuser: false,
      acl: [
        { permission: 'allow', action: 'publish', topic: 'things/+/+/cmd' },
        { permission: 'allow', action: 'subscribe', topic: 'things/#' },
        { permission: 'deny', action: 'all', topic: '#' },
      ],
    })
    // EMQX would let `a/#` pass for `a/+`.
    const plus = { ...account, subscribe: ['things/+'] }
    expect(await authn({ accounts: { hub: plus } }, login)).toEqual({ result: 'allow', is_superuser: false })
  })
})

describe('the authorization of EMQX', () => {
  it.each([
    ['publish', 'things/sensor/A1/data', 'allow'],
    ['subscribe', 'things/sensor/A1/cmd', 'allow'],
    ['subscribe', 'things/sensor/A1/#', 'deny'],
    ['publish', 'things/sensor/A2/data', 'deny'],
    ['all', 'things/sensor/A1/data', 'deny'],
    ['', 'things/sensor/A1/data', 'deny'],
  ])('answers %s of %s', async (action, topic, result) => {
    const { username } = wire().cast.attacker
    const asked = { username, clientid: username, topic, action, qos: '1', retain: 'false' }
    expect(await wire().json('/emqx/authz', asked)).toEqual({ ...DENY, body: JSON.stringify({ result }) })
  })

  itDeniesTheTable(() => wire().cast, {
    login: async ({ clientId = '', ...login }) =>
      (await wire().json('/emqx/authn', { ...login, clientid: clientId })).body.includes('allow'),
    access: async ({ clientId = '', ...asked }) =>
      (await wire().json('/emqx/authz', { ...asked, clientid: clientId, qos: '0' })).body.includes('allow'),
  })
})

describe('the events of EMQX', () => {
  const username = 'sensor-A2'
  const status = async () => (await wire().fleet.hub.devices.get(Sensor, 'A2'))?.status
  const send = (fields: object) => wire().json('/emqx/events', { username, clientid: username, ...fields })
  const NOTHING: Reply = { status: 204, type: null, body: '' }
  const begin = Date.now() - 60_000
  const connected = (at: number) => ({ event: 'client.connected', connected_at: at, timestamp: at + 1 })
  const disconnected = (at: number, reason: string, from?: number) => ({
    event: 'client.disconnected',
    disconnected_at: at,
    timestamp: at + 1,
    reason,
    ...(from !== undefined && { connected_at: from }),
  })

  test('bring the device online and offline', async () => {
    expect(await send(connected(begin))).toEqual(NOTHING)
    expect(await status()).toBe('online')
    expect(await send(disconnected(begin + 1000, 'keepalive_timeout', begin))).toEqual(NOTHING)
    expect(await status()).toBe('offline')
  })

  test('change nothing when they come late, twice, or of an earlier connection', async () => {
    await send(connected(begin + 5000))
    await send(connected(begin + 5000))
    await send(disconnected(begin + 1000, 'normal', begin))
    expect(await status()).toBe('online')
    await send(disconnected(begin + 5500, 'normal', begin))
    expect(await status()).toBe('online')
  })

  test.each(['takenover', 'discarded', 'takeovered', 'server_shutdown', 'shutdown', 'evacuated'])(
    'of a session that ends for %s end nothing',
    async (reason) => {
      await send(connected(begin + 8000))
      expect(await send(disconnected(begin + 9000, reason))).toEqual(NOTHING)
      expect(await status()).toBe('online')
    },
  )

  test('go by the client id when there is no user name, and take times as texts', async () => {
    await send(connected(begin + 10_000))
    const event = { ...disconnected(begin + 11_000, 'normal'), disconnected_at: String(begin + 11_000) }
    await send({ ...event, username: '' })
    expect(await status()).toBe('offline')
  })

  test('of no device, and other events, are no error', async () => {
    for (const fields of [{ username: 'nobody', ...connected(begin) }, { event: 'message.publish' }, {}])
      expect(await send(fields)).toEqual(NOTHING)
  })

  test('are answered with 503 while they cannot be written, so that EMQX sends them again', async () => {
    await using fleet = startFleet()
    await fleet.issue(Sensor, 'A2')
    const report = vi.fn().mockRejectedValueOnce(new Error('away')).mockResolvedValue('changed')
    const { fetch } = createBrokerAuth({ ...fleet.hub, sessions: { report } }, { public: true })
    const ask = () => {
      const body = JSON.stringify({ username, ...connected(begin) })
      return fetch(new Request('http://localhost/emqx/events', { method: 'POST', body }))
    }
    expect((await ask()).status).toBe(503)
    expect((await ask()).status).toBe(204)
    expect(report).toHaveBeenLastCalledWith({
      type: Sensor,
      deviceId: 'A2',
      event: 'connected',
      at: new Date(begin),
      connectedAt: new Date(begin),
      reason: undefined,
      source: 'broker:emqx',
    })
  })
})
