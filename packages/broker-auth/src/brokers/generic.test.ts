import { describe, expect, it, test, vi } from 'vitest'
import { Sensor } from '../testing/fleet.js'
import { itDeniesTheTable, type Reply, useWire } from '../testing/wire.js'

const wire = useWire()

const ALLOW: Reply = { status: 200, type: 'application/json', body: '{"result":"allow"}' }
const DENY: Reply = { ...ALLOW, body: '{"result":"deny"}' }

describe('the generic endpoints', () => {
  it('answer a login with allow or deny', async () => {
    const { username, password } = wire().cast.attacker
    const login = { username, password, clientid: username }
    expect(await wire().json('/broker/auth', login)).toEqual(ALLOW)
    expect(await wire().json('/broker/auth/', login)).toEqual(ALLOW)
    expect(await wire().form('/broker/auth', login)).toEqual(ALLOW)
    expect(await wire().json('/broker/auth', { username, password, client_id: username })).toEqual(ALLOW)
    for (const wrong of [{ password: 'wrong' }, { password: '' }, { username: '' }, { clientid: undefined }])
      expect(await wire().json('/broker/auth', { ...login, ...wrong })).toEqual(DENY)
  })

  it.each([
    ['pub', 'things/sensor/A1/data', ALLOW],
    ['publish', 'things/sensor/A1/data', ALLOW],
    ['sub', 'things/sensor/A1/cmd', ALLOW],
    ['subscribe', 'things/sensor/A1/cmd', ALLOW],
    ['sub', 'things/sensor/A1/data', DENY],
    ['pub', 'things/sensor/A1/cmd', DENY],
    ['publish', 'things/sensor/A2/data', DENY],
    ['PUBLISH', 'things/sensor/A1/data', DENY],
    ['toString', 'things/sensor/A1/data', DENY],
    ['', 'things/sensor/A1/data', DENY],
  ])('answer %s of %s', async (action, topic, reply) => {
    const { username } = wire().cast.attacker
    expect(await wire().json('/broker/acl', { username, clientid: username, topic, action })).toEqual(reply)
  })

  it.each(['', '{', '[]', 'null', '"allow"', '\xff'])('refuse %j with 400 and deny', async (body) => {
    for (const path of ['/broker/auth', '/broker/acl'])
      expect(await wire().post(path, body, { 'content-type': 'application/json' })).toEqual({
        ...DENY,
        status: 400,
      })
  })

  test('a login that is allowed counts as connected, one that is not does not', async () => {
    const { hub } = wire().fleet
    const status = async (deviceId: string) => (await hub.devices.get(Sensor, deviceId))?.status
    const { victim } = wire().cast
    const login = { username: victim.username, clientid: victim.username }
    await wire().json('/broker/auth', { ...login, password: 'wrong' })
    const ignored = wire().brokerAuth.stats().presence
    expect(await status('A2')).toBe('offline')
    await wire().json('/broker/auth', { ...login, password: victim.password })
    await vi.waitFor(async () => expect(await status('A2')).toBe('online'), { timeout: 60_000 })
    expect(wire().brokerAuth.stats().presence.failed).toBe(ignored.failed)
    const { items } = await hub.messages.list(Sensor, { deviceId: 'A2' })
    expect(items[0]).toMatchObject({ direction: 'hub', channel: 'status' })
  })

  itDeniesTheTable(() => wire().cast, {
    login: async ({ clientId, ...login }) =>
      (await wire().json('/broker/auth', { ...login, clientid: clientId })).body.includes('allow'),
    access: async ({ clientId, ...request }) =>
      (await wire().json('/broker/acl', { ...request, clientid: clientId })).body.includes('allow'),
  })
})
