import { describe, expect, it } from 'vitest'
import { Sensor } from '../testing/fleet.js'
import { itDeniesTheTable, useWire } from '../testing/wire.js'

const OK = { result: 'ok' }
const NOT_ALLOWED = { result: { error: 'not_allowed' } }

describe('VerneMQ', () => {
  const wire = useWire()

  const ask = async (hook: string, body: unknown): Promise<unknown> => {
    const reply = await wire().json('/vernemq', body, { 'vernemq-hook': hook })
    // Any other status is a failure of VerneMQ's own.
    expect(reply).toMatchObject({ status: 200, type: 'application/json' })
    return JSON.parse(reply.body)
  }
  const client = (username = wire().cast.attacker.username) => ({
    mountpoint: '',
    client_id: username,
    username,
  })
  const register = (more: object = {}) => ({
    peer_addr: '127.0.0.1',
    peer_port: 50_123,
    ...client(),
    password: wire().cast.attacker.password,
    clean_session: true,
    ...more,
  })

  describe.each([
    ['auth_on_register', {}],
    ['auth_on_register_m5', { clean_session: undefined, clean_start: true, properties: {} }],
  ])('%s', (hook, fields) => {
    it('lets a device in', async () => {
      expect(await ask(hook, register(fields))).toEqual(OK)
    })

    it('denies with an error, never with `next`, which would ask another plugin', async () => {
      for (const bad of [
        { password: 'wrong' },
        { password: null },
        { username: null },
        { client_id: wire().cast.victim.username },
        { client_id: '' },
      ])
        expect(await ask(hook, register({ ...fields, ...bad }))).toEqual(NOT_ALLOWED)
    })
  })

  it.each(['auth_on_publish', 'auth_on_publish_m5'])('%s decides the topic, of a will too', async (hook) => {
    const publish = { ...client(), qos: 1, payload: Buffer.from('{}').toString('base64'), retain: false }
    expect(await ask(hook, { ...publish, topic: 'things/sensor/A1/data' })).toEqual(OK)
    expect(await ask(hook, { ...publish, topic: 'things/sensor/A2/data' })).toEqual(NOT_ALLOWED)
    expect(await ask(hook, { ...publish, topic: 'things/sensor/A2/status', retain: true })).toEqual(
      NOT_ALLOWED,
    )
    expect(await ask(hook, publish)).toEqual(NOT_ALLOWED)
    expect(await ask(hook, { ...publish, username: null, topic: 'things/sensor/A1/data' })).toEqual(
      NOT_ALLOWED,
    )
  })

  const cmd = { topic: 'things/sensor/A1/cmd', qos: 1 }
  const desired = { topic: 'things/sensor/A1/desired', qos: 0 }
  const foreign = { topic: 'things/sensor/A2/cmd', qos: 2 }
  const all = { topic: '#', qos: 0 }

  it.each(['auth_on_subscribe', 'auth_on_subscribe_m5'])(
    '%s answers for all of a SUBSCRIBE',
    async (hook) => {
      expect(await ask(hook, { ...client(), topics: [cmd, desired] })).toEqual(OK)
      expect(await ask(hook, { ...client(), topics: [foreign, all] })).toEqual(NOT_ALLOWED)
      expect(
        await ask(hook, { ...client(), topics: [{ ...cmd, topic: '$share/g/things/sensor/A1/cmd' }] }),
      ).toEqual(NOT_ALLOWED)
      for (const topics of [[], {}, null, 'things/sensor/A1/cmd', [null], [['things/sensor/A1/cmd', 1]]])
        expect(await ask(hook, { ...client(), topics })).toEqual(NOT_ALLOWED)
    },
  )

  it('refuses a part of a SUBSCRIBE of MQTT 3.1.1 with 128, each in its place', async () => {
    expect(await ask('auth_on_subscribe', { ...client(), topics: [foreign, cmd, all, desired] })).toEqual({
      result: 'ok',
      topics: [{ ...foreign, qos: 128 }, cmd, { ...all, qos: 128 }, desired],
    })
  })

  it('refuses a part of a SUBSCRIBE of MQTT 5 with 135, and keeps the options of the rest', async () => {
    const options = { no_local: true, rap: true, retain_handling: 'dont_send' }
    const topics = [
      { ...cmd, ...options },
      { ...foreign, ...options },
    ]
    expect(await ask('auth_on_subscribe_m5', { ...client(), topics, properties: {} })).toEqual({
      result: 'ok',
      modifiers: {
        topics: [
          { ...cmd, ...options },
          { topic: foreign.topic, qos: 135 },
        ],
      },
    })
  })

  it('denies what it does not know, and what it cannot read', async () => {
    for (const hook of ['auth_on_everything', 'on_publish', 'constructor', ''])
      expect(await ask(hook, register())).toEqual(NOT_ALLOWED)
    const headers = { 'vernemq-hook': 'auth_on_register', 'content-type': 'application/json' }
    for (const body of ['{', '[]', 'null', `"${'a'.repeat(3 << 20)}"`])
      expect(await wire().post('/vernemq', body, headers)).toEqual({
        status: 200,
        type: 'application/json',
        body: JSON.stringify(NOT_ALLOWED),
      })
  })

  it.each([
    ['on_register', 'online'],
    ['on_client_gone', 'offline'],
    ['on_register_m5', 'online'],
    ['on_client_offline', 'offline'],
    ['on_client_wakeup', 'online'],
  ])('%s brings the device %s', async (hook, status) => {
    const { username } = wire().cast.attacker
    // All but the registration name the client id alone.
    const body = hook.startsWith('on_register')
      ? register({ password: undefined })
      : { ...client(), username: undefined }
    expect(await ask(hook, body)).toEqual({})
    expect(await wire().fleet.hub.devices.get(Sensor, 'A1')).toMatchObject({ status, mqttUsername: username })
  })

  describe.each(['', '_m5'])('with the hooks *%s', (suffix) => {
    itDeniesTheTable(() => wire().cast, {
      login: async ({ username, password, clientId }) =>
        JSON.stringify(
          await ask(`auth_on_register${suffix}`, { ...client(), username, password, client_id: clientId }),
        ) === JSON.stringify(OK),
      async access({ username, clientId, action, topic }) {
        const by = { mountpoint: '', username, client_id: clientId, qos: 1 }
        if (action === 'publish')
          return (
            JSON.stringify(await ask(`auth_on_publish${suffix}`, { ...by, topic })) === JSON.stringify(OK)
          )
        const body = { ...by, topics: [{ topic, qos: 1 }] }
        return !JSON.stringify(await ask(`auth_on_subscribe${suffix}`, body)).includes('error')
      },
    })
  })
})
