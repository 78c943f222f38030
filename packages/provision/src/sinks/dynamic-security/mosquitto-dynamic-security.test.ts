import type { Duration } from '@devicehub/core'
import { isDeviceHubError } from '@devicehub/core'
import { createFakeBroker, describeWith, type FakeBrokerOptions, freePort } from '@devicehub/test-kit'
import { beforeAll, describe, expect, it } from 'vitest'
import { type HandControl, handControl } from '../testing/dynamic-security-control.js'
import { accepted, expectIsolated, login } from '../testing/expect-isolated.js'
import { remove, set, sinkDevice, stream } from '../testing/fleet.js'
import { loadMqtt } from './load-mqtt.js'
import { mosquittoDynamicSecurity } from './mosquitto-dynamic-security.js'

const admin = { username: 'admin', password: 'pw' }
const service = { username: 'service', password: 'svc' }
const NOTHING = { repaired: [], removed: [], withoutPassword: [] }
const a = sinkDevice('station', 'a')
const b = sinkDevice('station', 'b')

describeWith({ mosquitto: { dynamicSecurity: admin } }, 'dynamic security', ({ mosquitto }) => {
  const open = (options = {}) => mosquittoDynamicSecurity({ url: mosquitto().url, ...admin, ...options })
  const hand = () => handControl(mosquitto().port, admin)
  const as = (username: string, password: string, clientId = username, protocolVersion: 4 | 5 = 5) =>
    login(mosquitto().port, protocolVersion, { username, password, clientId })
  const refused = async (...which: Parameters<typeof as>) => {
    await using client = await as(...which)
    return !accepted(client)
  }

  beforeAll(async () => {
    await using ask = await hand()
    const allow = (acltype: string, topic: string) => ({ acltype, topic, priority: 0, allow: true })
    const acls = ['publishClientSend', 'subscribePattern', 'publishClientReceive'].map((type) =>
      allow(type, '#'),
    )
    await ask('createRole', { rolename: 'service', acls })
    await ask('createClient', { ...service, roles: [{ rolename: 'service' }] })
  })

  it.each([4, 5] as const)('a device reaches its own topics alone, MQTT %i', async (protocolVersion) => {
    const sink = open()
    await sink.apply([set(a, 'secret-a'), set(b, 'secret-b')])
    const { port } = mosquitto()
    const shared = { port, protocolVersion, device: a, password: 'secret-a', service, refusesSubscribe: true }
    await expectIsolated(shared)
    await using ask = await hand()
    const defaults = (allow: boolean) =>
      ['publishClientSend', 'publishClientReceive', 'subscribe'].map((acltype) => ({ acltype, allow }))
    const before = (await ask('getDefaultACLAccess')).data as { acls: object[] }
    await ask('setDefaultACLAccess', { acls: defaults(true) })
    try {
      await expectIsolated(shared)
    } finally {
      await ask('setDefaultACLAccess', before)
    }
  })

  it('delivers nothing of what a persistent session had subscribed to under other rules', async () => {
    const sink = open()
    await sink.apply([set(a, 'secret-a')])
    await using ask = await hand()
    const rolename = 'devicehub-station-a'
    await ask('addRoleACL', {
      rolename,
      acltype: 'subscribePattern',
      topic: 'things/#',
      priority: 9,
      allow: true,
    })
    const session = { clean: false, properties: { sessionExpiryInterval: 600 } }
    const { port } = mosquitto()
    const mine = { username: a.username, password: 'secret-a', clientId: a.clientId }
    await using early = await login(port, 5, mine, session)
    expect((await early.subscribe('things/#')).granted).toEqual([1])
    await sink.sync(stream(a))
    await using late = await login(port, 5, mine, session)
    expect(late.connack.sessionPresent).toBe(true)
    await using observer = await login(port, 5, service)
    await observer.publish('things/station/b/data', 'foreign')
    await observer.publish('things/station/a/cmd', 'own')
    expect((await late.next('publish')).topic).toBe('things/station/a/cmd')
  })

  it('refuses a wrong password, and the client id of another', async () => {
    await open().apply([set(a, 'secret-a'), set(b, 'secret-b')])
    await using victim = await as(a.username, 'secret-a')
    expect(accepted(victim)).toBe(true)
    expect(await refused(a.username, 'secret-b')).toBe(true)
    expect(await refused(a.username, '')).toBe(true)
    expect(await refused(b.username, 'secret-b', a.clientId)).toBe(true)
    expect(await refused(b.username, 'secret-b', a.clientId, 4)).toBe(true)
    await victim.publish(a.topics.publish[0] as string, 'still here')
    expect(await refused(b.username, 'secret-b')).toBe(false)
  })

  it('a rotated password works and the old one does not; whoever has the old one is disconnected', async () => {
    const sink = open()
    await sink.apply([set(a, 'old')])
    await using client = await as(a.username, 'old')
    expect(accepted(client)).toBe(true)
    await sink.apply([set(a, 'new')])
    await client.closed
    expect(await refused(a.username, 'old')).toBe(true)
    expect(await refused(a.username, 'new')).toBe(false)
  })

  it('a revoked device is disconnected, and cannot reconnect until it gets new credentials', async () => {
    const sink = open()
    await sink.apply([set(a, 'secret'), set(b, 'secret')])
    await using client = await as(a.username, 'secret')
    await using bystander = await as(b.username, 'secret')
    await sink.apply([remove(a.username)])
    await client.closed
    expect(await refused(a.username, 'secret')).toBe(true)
    await bystander.publish(b.topics.publish[0] as string, 'still here')
    await sink.apply([remove(a.username), remove('station-never')])
    await using ask = await hand()
    expect((await ask('getRole', { rolename: 'devicehub-station-a' })).error).toBe('Role not found')
    await sink.apply([set(a, 'again'), remove(a.username), set(a, 'last')])
    expect(await refused(a.username, 'again')).toBe(true)
    expect(await refused(a.username, 'last')).toBe(false)
  })

  it('does not change what it has not created, and names it', async () => {
    const sink = open()
    const before = await stateOf(hand)
    for (const changes of [
      [set({ ...a, username: 'service' }, 'mine now'), set(b, 'fine')],
      [remove('service'), set(b, 'fine')],
    ]) {
      const error = await sink.apply(changes).catch((error) => error)
      expect(isDeviceHubError(error, 'sink_failed')).toBe(true)
      expect(error.details.users).toEqual(['service'])
      expect(error.message).toContain('not made here')
    }
    const error = await sink.sync(stream({ ...a, username: 'service' })).catch((error) => error)
    expect(error.details.users).toEqual(['service'])
    expect(await stateOf(hand, 'admin', 'service')).toEqual(
      before.filter(({ name }) => /^(admin|service)$/.test(name)),
    )
    expect(await refused('service', 'svc')).toBe(false)
  })

  it('refuses what would be a rule of another kind, and does the rest', async () => {
    const sink = open()
    const topics = (topic: string) => ({ publish: [topic], subscribe: [] })
    const bad = [
      set({ ...a, username: 'w1', topics: topics('things/#') }, 'p'),
      set({ ...a, username: 'w2', topics: topics('$CONTROL/dynamic-security/v1') }, 'p'),
      set({ ...a, username: 'w3', clientId: '' }, 'p'),
      set({ ...a, username: 'w4\n' }, 'p'),
      set({ ...a, username: 'w5' }, 'cut\0off'),
      set({ ...a, username: 'w6' }, ''),
    ]
    const error = await sink.apply([...bad, set(b, 'good')]).catch((error) => error)
    expect(error.details.users).toEqual(['w1', 'w2', 'w3', 'w4\n', 'w5', 'w6'])
    expect(String(error.message) + JSON.stringify(error.details)).not.toContain('cut')
    expect(await refused(b.username, 'good')).toBe(false)
    expect(await refused('w1', 'p')).toBe(true)
  })

  it('sync mends what was changed by hand, says what, and then changes nothing', async () => {
    const names = ['0', '1', '2', '3', '4', '5', '6', '7']
    const fleet = names.map((name) => sinkDevice('pump', name))
    const sink = open({ rolePrefix: 'drift-' })
    await sink.apply(fleet.map((device) => set(device, `secret-${device.deviceId}`)))
    expect(await sink.sync(stream(...fleet))).toMatchObject({ devices: 8, ...NOTHING })

    await using ask = await hand()
    const role = (index: number) => ({ rolename: `drift-pump-${index}` })
    const user = (index: number) => ({ username: `pump-${index}` })
    const wide = { acltype: 'publishClientSend', topic: '#', priority: 9, allow: true }
    await ask('addRoleACL', { ...role(0), ...wide })
    await ask('deleteClient', user(1))
    await ask('removeClientRole', { ...user(2), ...role(2) })
    await ask('disableClient', user(3))
    await ask('setClientId', { ...user(4), clientid: 'another' })
    // In this order: the broker crashes over a role that is deleted while a client has it.
    await ask('removeClientRole', { ...user(5), ...role(5) })
    await ask('deleteRole', role(5))
    await ask('addClientRole', { ...user(6), rolename: 'admin' })
    await ask('removeClientRole', { ...user(7), rolename: 'drift-' })
    await ask('createRole', { rolename: 'drift-ghost', acls: [wide] })
    await ask('createClient', { username: 'ghost', password: 'boo', roles: [{ rolename: 'drift-ghost' }] })
    await ask('createRole', { rolename: 'drift-alone', acls: [wide] })
    await ask('addClientRole', { username: 'service', rolename: 'drift-alone' })
    await ask('addRoleACL', { rolename: 'drift-', ...wide })
    await using ghost = await as('ghost', 'boo')
    expect(accepted(ghost)).toBe(true)

    const report = await sink.sync(stream(...fleet))
    expect(report).toEqual({
      sink: 'mosquitto-dynamic-security',
      devices: 8,
      repaired: ['pump-0', 'pump-2', 'pump-3', 'pump-4', 'pump-5', 'pump-6', 'pump-7'],
      removed: ['ghost', 'alone'],
      withoutPassword: ['pump-1'],
    })
    await ghost.closed
    const before = await stateOf(hand)
    const second = await sink.sync(stream(...fleet))
    expect(second).toMatchObject({ ...NOTHING, withoutPassword: ['pump-1'] })
    expect(await stateOf(hand)).toEqual(before)
    const { port } = mosquitto()
    for (const device of [...fleet.slice(0, 1), ...fleet.slice(2)]) {
      const password = `secret-${device.deviceId}`
      await using client = await login(port, 5, { ...device, password })
      await client.publish(device.topics.publish[0] as string, 'x')
      expect((await client.subscribe('#')).granted).toEqual([0x87])
      expect((await client.subscribe(device.topics.subscribe[0] as string)).granted).toEqual([1])
    }
    await sink.apply([set(fleet[1] as typeof a, 'new')])
    expect(await sink.sync(stream(...fleet))).toMatchObject(NOTHING)
    expect(await sink.sync(stream())).toMatchObject({
      devices: 0,
      removed: fleet.map((each) => each.username).sort(),
    })
  })

  it('a device that is issued while sync runs is no stray, one that is revoked does not wait', async () => {
    const sink = open({ rolePrefix: 'race-' })
    const [early, late] = [sinkDevice('pump', 'early'), sinkDevice('pump', 'late')]
    await sink.apply([set(early, 'p')])
    async function* slow() {
      yield early
      await sink.apply([set(late, 'p')])
      await sink.apply([remove(early.username)])
    }
    expect(await sink.sync(slow())).toMatchObject({ removed: [] })
    expect(await refused(late.username, 'p')).toBe(false)
    expect(await refused(early.username, 'p')).toBe(true)
    await sink.sync(stream())
  })

  it('calls at once are done one after the other, over several pages; close waits and refuses more', async () => {
    const fleet = Array.from({ length: 260 }, (_, index) => sinkDevice('pump', `many-${index}`))
    const sink = open({ rolePrefix: 'many-' })
    const half = fleet.length / 2
    const first = sink.apply(fleet.slice(0, half).map((device) => set(device, 'p')))
    const second = sink.apply(fleet.slice(half).map((device) => set(device, 'p')))
    const third = sink.apply([set(fleet[0] as typeof a, 'rotated')])
    await Promise.all([first, second, third])
    expect(await refused('pump-many-0', 'rotated')).toBe(false)
    expect(await sink.sync(stream(...fleet))).toMatchObject({ devices: 260, ...NOTHING })
    const last = sink.sync(stream())
    await sink.close()
    expect((await last).removed).toHaveLength(260)
    await expect(sink.apply([set(a, 'p')])).rejects.toMatchObject({ code: 'closed' })
  })

  it('reconnects after the broker was away', async () => {
    const sink = open()
    await mosquitto().kill()
    await expect(sink.apply([set(a, 'p')])).rejects.toMatchObject({ code: 'transport_unavailable' })
    await mosquitto().restart()
    await sink.apply([set(a, 'p')])
    expect(await refused(a.username, 'p')).toBe(false)
  })

  it('names the reason of a refusal: a wrong password, a user that is not an administrator', async () => {
    const wrong = open({ password: 'wrong-one' })
    const error = await wrong.apply([set(a, 'top-secret')]).catch((error) => error)
    expect(error).toMatchObject({ code: 'connection_refused' })
    await open().apply([set(a, 'p')])
    const device = open({ username: a.username, password: 'p', clientId: a.clientId })
    const denied = await device.apply([set(b, 'top-secret')]).catch((error) => error)
    expect(denied).toMatchObject({ code: 'sink_failed' })
    for (const each of [error, denied])
      expect(`${each.stack} ${JSON.stringify(each)} ${each.cause}`).not.toMatch(/top-secret|wrong-one/)
  })
})

describe('a broker that misbehaves', () => {
  const respond = (
    payload: string | ((sent: { correlationData: string }[]) => string),
  ): FakeBrokerOptions => ({
    onPacket(packet, connection) {
      if (packet.cmd !== 'publish') return false
      const sent = JSON.parse(String(packet.payload)).commands
      const text = typeof payload === 'string' ? payload : payload(sent)
      connection.publish([{ topic: '$CONTROL/dynamic-security/v1/response', payload: text }])
      return false
    },
  })
  const failing = async (options: FakeBrokerOptions, timeout: Duration = '1m') => {
    await using broker = await createFakeBroker(options)
    const sink = mosquittoDynamicSecurity({ url: broker.url, ...admin, timeout })
    const codes = [sink.apply([set(a, 'top-secret')]), sink.sync(stream(a))].map((each) =>
      each.then(
        () => 'resolved',
        (error) => {
          expect(`${error.stack} ${JSON.stringify(error)} ${error.cause}`).not.toContain('top-secret')
          return error.code
        },
      ),
    )
    const all = await Promise.all(codes)
    await sink.close()
    return all
  }

  it('answers with garbage', async () => {
    expect(await failing(respond('garbage'))).toEqual(['sink_failed', 'sink_failed'])
    expect(await failing(respond('{"responses":[7]}'))).toEqual(['sink_failed', 'sink_failed'])
    expect(await failing(respond('null'))).toEqual(['sink_failed', 'sink_failed'])
    const empty = (sent: { correlationData: string }[]) =>
      JSON.stringify({ responses: sent.map(({ correlationData }) => ({ correlationData, error: 'no' })) })
    expect(await failing(respond(empty))).toEqual(['sink_failed', 'sink_failed'])
  })

  it('never answers, in part, for others, or not even the CONNECT or the SUBSCRIBE', async () => {
    const unavailable = ['transport_unavailable', 'transport_unavailable']
    expect(await failing({}, '300ms')).toEqual(unavailable)
    expect(await failing(respond('{"responses":[]}'), '300ms')).toEqual(unavailable)
    const others = '{"responses":[{"command":"listRoles","correlationData":"x","data":{}}]}'
    expect(await failing(respond(others), '300ms')).toEqual(unavailable)
    expect(await failing({ onConnect: () => false }, '300ms')).toEqual(unavailable)
    expect(await failing({ onPacket: (packet) => packet.cmd === 'subscribe' }, '300ms')).toEqual(unavailable)
    expect(
      await failing({ onPacket: (packet, connection) => (packet.cmd === 'publish' ? connection.cut() : 0) }),
    ).toEqual(unavailable)
    const nobody = mosquittoDynamicSecurity({ url: `mqtt://127.0.0.1:${await freePort()}`, ...admin })
    await expect(nobody.apply([set(a, 'p')])).rejects.toMatchObject({ code: 'transport_unavailable' })
  })

  it('refuses the connection in words of its own: one line, bounded', async () => {
    const properties = { reasonString: `full\r\n${'x'.repeat(5_000)}`, serverReference: 'b.example.com' }
    await using broker = await createFakeBroker({ onConnect: () => ({ reasonCode: 0x97, properties }) })
    const sink = mosquittoDynamicSecurity({ url: broker.url, ...admin })
    await expect(sink.apply([set(a, 'p')])).rejects.toMatchObject({
      code: 'transport_unavailable',
      message: expect.stringMatching(
        /: quota exceeded \(0x97\), "full x{1,200}\.\.\."; it refers to the server "b\.example\.com"$/,
      ),
    })
    await sink.close()
  })

  it('refuses the subscription to the answers', async () => {
    const refuse: FakeBrokerOptions = {
      onPacket(packet, connection) {
        if (packet.cmd !== 'subscribe') return false
        connection.send({ cmd: 'suback', messageId: packet.messageId as number, granted: [0x87] })
        return true
      },
    }
    expect(await failing(refuse)).toEqual(['sink_failed', 'sink_failed'])
  })
})

describe('options', () => {
  it.each([
    { url: 'nonsense' },
    { url: 'http://broker' },
    { url: 'mqtt://admin:hidden@broker' },
    { url: 'mqtt://broker', username: '' },
    { url: 'mqtt://broker', rolePrefix: '' },
    { url: 'mqtt://broker', clientId: '' },
    { url: 'mqtt://broker', timeout: 0 },
  ])('refuses %j', (options) => {
    expect(() => mosquittoDynamicSecurity({ ...admin, ...options })).toThrow(
      expect.objectContaining({ code: 'invalid_options', message: expect.not.stringContaining('hidden') }),
    )
  })

  it('names the package that is missing', async () => {
    const missing = () =>
      Promise.reject(Object.assign(new Error('no mqtt'), { code: 'ERR_MODULE_NOT_FOUND' }))
    await expect(loadMqtt(missing)).rejects.toMatchObject({
      code: 'missing_dependency',
      message: expect.stringContaining('npm install mqtt'),
    })
  })
})

/** What the broker has, but for passwords. */
async function stateOf(hand: () => Promise<HandControl>, ...only: string[]) {
  await using ask = await hand()
  const all = { verbose: true, count: -1, offset: 0 }
  const { clients } = (await ask('listClients', all)).data as { clients: { username: string }[] }
  const { roles } = (await ask('listRoles', all)).data as { roles: { rolename: string }[] }
  const state = [
    ...clients.map((client) => ({ name: client.username, value: JSON.stringify(client) })),
    ...roles.map((role) => ({ name: role.rolename, value: JSON.stringify(role) })),
  ]
  return only.length === 0 ? state : state.filter(({ name }) => only.includes(name))
}
