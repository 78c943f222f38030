import { describe, expect, it } from 'vitest'
import { Sensor } from '../testing/fleet.js'
import { itDeniesTheTable, useWire } from '../testing/wire.js'

describe.each(['json', 'form'] as const)('NanoMQ asking in %s', (as) => {
  const wire = useWire()
  const ask = async (name: string, fields: Record<string, string | undefined>): Promise<number> => {
    const reply = await wire()[as](`/nanomq/${name}`, fields)
    // The status is all that counts.
    expect(reply).toMatchObject({ body: '' })
    expect([200, 403]).toContain(reply.status)
    return reply.status
  }
  const login = (more: Record<string, string> = {}) => {
    const { username, password } = wire().cast.attacker
    return { username, password, clientid: username, ...more }
  }
  const acl = (access: string, topic: string) => {
    const { username } = wire().cast.attacker
    return { username, clientid: username, ipaddr: '127.0.0.1', access, topic }
  }

  it('allows a device, and nobody else', async () => {
    expect(await ask('auth', login())).toBe(200)
    for (const bad of [{ password: 'wrong' }, { password: '' }, { clientid: wire().cast.victim.username }])
      expect(await ask('auth', login(bad))).toBe(403)
    expect(await ask('auth', { clientid: wire().cast.attacker.username })).toBe(403)
  })

  it('knows no superuser', async () => {
    expect(await ask('super', login())).toBe(403)
    expect(await ask('super', {})).toBe(403)
  })

  it('tells subscriptions (1) from publications (2)', async () => {
    expect(await ask('acl', acl('1', 'things/sensor/A1/cmd'))).toBe(200)
    expect(await ask('acl', acl('2', 'things/sensor/A1/cmd'))).toBe(403)
    expect(await ask('acl', acl('2', 'things/sensor/A1/data'))).toBe(200)
    expect(await ask('acl', acl('1', 'things/sensor/A1/data'))).toBe(403)
    for (const access of ['', '0', '3', '12']) {
      expect(await ask('acl', acl(access, 'things/sensor/A1/cmd'))).toBe(403)
      expect(await ask('acl', acl(access, 'things/sensor/A1/data'))).toBe(403)
    }
  })

  it('denies 500,000 filters as one question, whatever they are', async () => {
    const before = wire().brokerAuth.stats()
    const filter = 'things/sensor/A1/cmd'
    const topic = Array.from({ length: 500_000 }, () => 'a').join(',')
    expect(await ask('acl', acl('1', topic))).toBe(403)
    expect(await ask('acl', acl('1', Array.from({ length: 1_001 }, () => filter).join(',')))).toBe(403)
    expect(await ask('acl', acl('1', Array.from({ length: 1_000 }, () => filter).join(',')))).toBe(200)
    const { access, shed } = wire().brokerAuth.stats()
    expect([access.denied - before.access.denied, access.allowed - before.access.allowed]).toEqual([2, 1])
    expect(shed - before.shed).toBe(2)
  })

  it('allows a SUBSCRIBE when each of its filters is allowed', async () => {
    const [cmd, desired] = ['things/sensor/A1/cmd', 'things/sensor/A1/desired']
    expect(await ask('acl', acl('1', `${cmd},${desired}`))).toBe(200)
    for (const more of [
      '#',
      'things/sensor/A2/cmd',
      '',
      ',',
      `things/sensor/+/cmd,${desired}`,
      ` ${desired}`,
    ])
      for (const topic of [`${cmd},${more}`, `${more},${cmd}`])
        expect(await ask('acl', acl('1', topic))).toBe(403)
  })

  it('takes a topic with commas for the one topic it is', async () => {
    const data = 'things/sensor/A1/data'
    expect(await ask('acl', acl('2', `${data},${data}`))).toBe(403)
    expect(await ask('acl', acl('2', `${data},things/sensor/A2/data`))).toBe(403)
  })

  it('answers what it cannot read with a status that denies', async () => {
    const headers = { 'content-type': 'application/json' }
    for (const name of ['auth', 'super', 'acl', 'events']) {
      expect((await wire().post(`/nanomq/${name}`, '{', headers)).status).toBe(400)
      expect((await wire().post(`/nanomq/${name}`, 'a'.repeat(3 << 20), headers)).status).toBe(413)
    }
  })

  itDeniesTheTable(() => wire().cast, {
    login: async ({ username, password, clientId }) =>
      (await ask('auth', { username, password, clientid: clientId })) === 200,
    access: async ({ username, clientId, action, topic }) =>
      (await ask('acl', {
        username,
        clientid: clientId,
        ipaddr: '127.0.0.1',
        access: action === 'subscribe' ? '1' : '2',
        topic,
      })) === 200,
  })
})

describe('NanoMQ telling of clients', () => {
  const wire = useWire()
  const tell = (event: object) => wire().json('/nanomq/events', event)
  const status = async () => (await wire().fleet.hub.devices.get(Sensor, 'A1'))?.status
  const client = () => {
    const { username } = wire().cast.attacker
    return { username, clientid: username }
  }
  const connack = (conn_ack: string) => ({
    proto_ver: 4,
    keepalive: 60,
    conn_ack,
    ...client(),
    action: 'client_connack',
  })

  it('brings a device online with the CONNACK of a login that was let in, and offline with its end', async () => {
    const before = await status()
    expect(await tell(connack('fail'))).toMatchObject({ status: 200 })
    expect(await status()).toBe(before)
    expect(before).not.toBe('online')
    expect(await tell(connack('success'))).toMatchObject({ status: 200 })
    expect(await status()).toBe('online')
    const end = { reason: 'abnormal', ...client(), action: 'client_disconnected' }
    expect(await tell(end)).toMatchObject({ status: 200 })
    expect(await status()).toBe('offline')
  })

  const gone = (more: object = {}) => ({
    reason: 'abnormal',
    ...client(),
    ...more,
    action: 'client_disconnected',
  })
  const told = async (...events: readonly object[]) => {
    for (const event of events) expect(await tell(event)).toMatchObject({ status: 200 })
    return status()
  }

  // As NanoMQ 0.25.5 told it of logins with a wrong password.
  it.each([
    ['a client id of its own', { clientid: 'stranger' }],
    ['the client id of the device', {}],
  ])(
    'a refused login with the user name of a device and %s does not set it offline',
    async (_title, names) => {
      expect(await told(connack('success'))).toBe('online')
      for (let n = 0; n < 3; n++)
        expect(await told({ ...connack('fail'), ...names }, gone(names))).toBe('online')
      expect(await told(gone())).toBe('offline')
      // It is over: nothing that is told of it afterwards counts.
      await wire().fleet.hub.sessions.report({
        type: Sensor,
        deviceId: 'A1',
        event: 'connected',
        source: 'broker:other',
      })
      expect(await told(gone(), gone(names), { ...connack('fail'), ...names }, gone(names))).toBe('online')
    },
  )

  it('the end of a session that was never reported is ignored', async () => {
    await wire().fleet.hub.sessions.report({
      type: Sensor,
      deviceId: 'A1',
      event: 'connected',
      source: 'broker:other',
    })
    expect(await told(gone(), gone({ clientid: 'x' }))).toBe('online')
    expect(await told(connack('success'), gone())).toBe('offline')
  })

  it('lets go what is of no device, and what it does not ask for', async () => {
    for (const event of [
      { ...connack('success'), username: 'undefined', clientid: 'x' },
      { action: 'message_publish', topic: 'x', from_username: 'undefined' },
      {},
    ])
      expect(await tell(event)).toMatchObject({ status: 200 })
    expect(await status()).not.toBe('online')
  })
})
