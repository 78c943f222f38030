import { DeviceHubError, deviceTopics } from '@devicehub/core'
import { CHANNELS } from '@devicehub/core/definition'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createDecider } from './decider.js'
import type { AccessRequest } from './decision.js'
import { listenerGrants } from './listener-grants.js'
import { ADVERSARIAL_ACCESS } from './testing/adversarial-access.js'
import { ADVERSARIAL_LOGINS } from './testing/adversarial-logins.js'
import { type Cast, castOf } from './testing/cast.js'
import { type Fleet, Sensor, startFleet } from './testing/fleet.js'

let fleet: Fleet
let cast: Cast
beforeAll(async () => {
  fleet = startFleet()
  cast = await castOf(fleet)
})
afterAll(() => fleet[Symbol.asyncDispose]())

const PASSWORD = 'a-long-password-of-the-hub'
const deciderOf = (options: Parameters<typeof createDecider>[1] = {}) => createDecider(fleet.hub, options)
const ask = (action: AccessRequest['action'], topic: string, username = cast.attacker.username) => ({
  username,
  clientId: username,
  action,
  topic,
})

describe('a device', () => {
  test('logs in with its password and its user name as the client id', async () => {
    const { username, password } = cast.attacker
    const decision = await deciderOf().login({ username, password, clientId: username })
    const topics = deviceTopics(Sensor, 'A1')
    expect(decision).toEqual({
      allow: true,
      reason: 'device',
      principal: { type: Sensor, deviceId: 'A1', username, expiresAt: null },
      grants: {
        publish: [topics.data, topics.status, topics.response, topics.state],
        subscribe: [topics.cmd, topics.desired],
      },
      partial: false,
    })
  })

  test.each(CHANNELS)(
    'may do with its own %s what the channel is for, and not the other',
    async (channel) => {
      const topic = deviceTopics(Sensor, 'A1')[channel]
      const isSent = ['data', 'status', 'response', 'state'].includes(channel)
      const decider = deciderOf()
      expect((await decider.access(ask('publish', topic))).allow).toBe(isSent)
      expect((await decider.access(ask('subscribe', topic))).allow).toBe(!isSent)
    },
  )

  test.each(ADVERSARIAL_ACCESS)('is denied: $name', async ({ request }) => {
    const decider = deciderOf()
    const wanted = request(cast)
    expect(await decider.access(wanted)).toMatchObject({ allow: false })
    const { username } = cast.attacker
    const [fine, bad] = await decider.accessAll([
      ask('publish', deviceTopics(Sensor, 'A1').data, username),
      wanted,
    ])
    expect([fine?.allow, bad?.allow]).toEqual([true, false])
  })

  test.each(ADVERSARIAL_LOGINS)('does not get in with $name', async ({ request }) => {
    expect(await deciderOf().login(request(cast))).toMatchObject({
      allow: false,
      principal: null,
      grants: null,
    })
  })

  test('of a revoked credential is denied at the next question', async () => {
    const decider = deciderOf()
    const { username, password } = await fleet.issue(Sensor, 'B1')
    const topic = deviceTopics(Sensor, 'B1').data
    expect((await decider.access(ask('publish', topic, username))).allow).toBe(true)
    await fleet.revoke(Sensor, 'B1')
    expect((await decider.access(ask('publish', topic, username))).allow).toBe(false)
    expect((await decider.login({ username, password, clientId: username })).allow).toBe(false)
  })

  test('may have any client id when the broker checks it, and none when it sends none', async () => {
    const { username, password } = cast.attacker
    const any = deciderOf({ clientId: 'any' })
    for (const clientId of [undefined, '', 'whatever'])
      expect((await any.login({ username, password, clientId })).allow).toBe(true)
    expect((await any.login({ username, password, clientId: '$x' })).allow).toBe(false)
    for (const clientId of [undefined, ''])
      expect((await deciderOf().login({ username, password, clientId })).reason).toBe('foreign_client_id')
  })

  test('may have the client ids that a function allows, also when it publishes', async () => {
    const decider = deciderOf({ clientId: ({ deviceId }, clientId) => clientId === `dev-${deviceId}` })
    const { username, password } = cast.attacker
    const topic = deviceTopics(Sensor, 'A1').data
    for (const [clientId, allow] of [
      ['dev-A1', true],
      ['dev-A2', false],
      [username, false],
    ] as const) {
      expect((await decider.login({ username, password, clientId })).allow).toBe(allow)
      expect((await decider.access({ ...ask('publish', topic), clientId })).allow).toBe(allow)
    }
  })
})

describe('custom rules', () => {
  test('are asked for what the own rule does not allow, and never for what is malformed or reserved', async () => {
    const rules = vi.fn((request: AccessRequest) => request.topic.startsWith('shared/'))
    const decider = deciderOf({ rules })
    expect((await decider.access(ask('subscribe', 'shared/#'))).reason).toBe('rule')
    expect((await decider.access(ask('subscribe', 'other/#'))).allow).toBe(false)
    expect((await decider.access(ask('publish', deviceTopics(Sensor, 'A1').data))).reason).toBe('granted')
    expect(rules).toHaveBeenCalledTimes(2)
    for (const topic of ['$share/g/shared/x', '$SYS/#', 'shared/*', 'shared/\0', 'shared/#/x', ''])
      expect((await decider.access(ask('subscribe', topic))).allow).toBe(false)
    expect(rules).toHaveBeenCalledTimes(2)
  })

  test('make the grants of a login partial', async () => {
    const { username, password } = cast.attacker
    const decision = await deciderOf({ rules: () => false }).login({ username, password, clientId: username })
    expect(decision).toMatchObject({ allow: true, partial: true })
  })

  test.each([
    ['throws', () => Promise.reject(new Error('broken'))],
    [
      'throws at once',
      () => {
        throw new Error('broken')
      },
    ],
    ['hangs', () => new Promise<boolean>(() => {})],
    ['returns no boolean', () => 'yes' as unknown as boolean],
  ])('deny when the function %s', async (_what, rules) => {
    const decider = deciderOf({ rules, timeout: 50 })
    expect((await decider.access(ask('subscribe', 'shared/x'))).allow).toBe(false)
    // What needs no rule is allowed all the same.
    expect((await decider.access(ask('publish', deviceTopics(Sensor, 'A1').data))).allow).toBe(true)
  })

  test('that hang for one client do not keep the others out, and do not pile up', async () => {
    const rules = vi.fn(() => new Promise<boolean>(() => {}))
    const decider = deciderOf({ rules, timeout: 50, maxPending: 3 })
    for (let i = 0; i < 3; i++) await decider.access(ask('subscribe', 'shared/x'))
    expect(rules).toHaveBeenCalledTimes(2)
    expect(decider.stats().shed).toBe(3)
    expect((await decider.access(ask('publish', deviceTopics(Sensor, 'A1').data))).allow).toBe(true)
  })
})

describe('an account', () => {
  const grants = { publish: ['things/+/+/cmd'], subscribe: ['things/+/+/data'] }
  const clientId = 'ingest-0'

  test('logs in with either of its passwords, from the client ids it is bound to', async () => {
    const account = { password: [PASSWORD, `${PASSWORD}-new`], clientId: 'ingest-*', ...grants }
    const decider = deciderOf({ accounts: { hub: account } })
    for (const password of account.password)
      expect(await decider.login({ username: 'hub', password, clientId })).toMatchObject({
        allow: true,
        principal: null,
        grants,
      })
    for (const wrong of [{ password: `${PASSWORD}x` }, { clientId: 'other-1' }, { clientId: undefined }])
      expect((await decider.login({ username: 'hub', password: PASSWORD, clientId, ...wrong })).allow).toBe(
        false,
      )
  })

  test.each([
    ['subscribe', 'things/+/+/data', true],
    ['subscribe', 'things/sensor/+/data', true],
    ['subscribe', 'things/sensor/A1/data', true],
    ['subscribe', 'things/#', false],
    ['subscribe', 'things/+/+/+', false],
    ['subscribe', '#', false],
    ['subscribe', '$share/g/things/+/+/data', false],
    ['publish', 'things/sensor/A1/cmd', true],
    ['publish', 'things/sensor/A1/data', false],
    ['publish', 'things/sensor/+/cmd', false],
  ] as const)('with grants: may %s %s: %s', async (action, topic, allow) => {
    const decider = deciderOf({ accounts: { hub: { password: PASSWORD, ...grants } } })
    expect((await decider.access({ username: 'hub', clientId, action, topic })).allow).toBe(allow)
  })

  test('may share its subscriptions when that is granted, by the filter behind the group', async () => {
    const decider = deciderOf({ accounts: { hub: { password: PASSWORD, ...listenerGrants(fleet.hub) } } })
    const may = async (topic: string) =>
      (await decider.access({ username: 'hub', clientId, action: 'subscribe', topic })).allow
    expect(await may('$share/ingest/things/sensor/+/data')).toBe(true)
    for (const topic of ['$share/ingest/#', '$share//things/sensor/+/data', '$share/+/things/sensor/+/data'])
      expect(await may(topic)).toBe(false)
  })

  test('is looked up by a function for user names that no device has, and again when it is connected', async () => {
    const asked: (string | null)[] = []
    const decider = deciderOf({
      accountsFor: 0,
      accounts: async ({ username, password }) => {
        asked.push(password)
        return username === 'dash' && (password === null || password === PASSWORD)
          ? { publish: [], subscribe: ['things/#'] }
          : null
      },
    })
    expect((await decider.login({ username: 'dash', password: PASSWORD, clientId })).allow).toBe(true)
    expect((await decider.login({ username: 'dash', password: 'wrong', clientId })).allow).toBe(false)
    const request = { username: 'dash', clientId, action: 'subscribe', topic: 'things/sensor/#' } as const
    expect((await decider.access(request)).allow).toBe(true)
    expect((await decider.access({ ...request, username: 'nobody' })).allow).toBe(false)
    expect((await decider.access(ask('publish', deviceTopics(Sensor, 'A1').data))).allow).toBe(true)
    expect(asked).toEqual([PASSWORD, 'wrong', null, null])
  })

  test('that a function returned is remembered for a while, for that client alone', async () => {
    const accounts = vi.fn(({ password }: { password: string | null }) =>
      password === null ? null : { publish: [], subscribe: ['a'] },
    )
    const decider = deciderOf({ accounts })
    await decider.login({ username: 'dash', password: PASSWORD, clientId: 'c1' })
    const request = { username: 'dash', action: 'subscribe', topic: 'a' } as const
    expect((await decider.access({ ...request, clientId: 'c1' })).allow).toBe(true)
    expect(accounts).toHaveBeenCalledTimes(1)
    expect((await decider.access({ ...request, clientId: 'c2' })).allow).toBe(false)
  })

  test.each([
    ['a short password', { password: 'short', publish: [], subscribe: [] }],
    ['an empty list of passwords', { password: [], publish: [], subscribe: [] }],
    ['a shared grant', { password: PASSWORD, publish: [], subscribe: ['$share/g/#'] }],
    ['a wildcard of RabbitMQ', { password: PASSWORD, publish: [], subscribe: ['things/*'] }],
    ['a variable of EMQX', { password: PASSWORD, publish: [], subscribe: ['things/{username}'] }],
    ['a filter that is none', { password: PASSWORD, publish: ['a/#/b'], subscribe: [] }],
    ['a client id of * alone', { password: PASSWORD, publish: [], subscribe: [], clientId: '*' }],
  ])('cannot be declared with %s, and the error does not tell its password', (_what, account) => {
    const declare = () => deciderOf({ accounts: { hub: account } })
    expect(declare).toThrow(expect.objectContaining({ code: 'invalid_options' }))
    expect(declare).not.toThrow(String(account.password) || 'never')
  })
})

describe('what cannot be decided', () => {
  const hanging = <T>() => new Promise<T>(() => {})
  const broken = (find: () => Promise<never>) => ({
    ...fleet.hub,
    credentials: { ...fleet.hub.credentials, find, verify: find },
  })

  test('is denied in time when the database hangs, and counted', async () => {
    const decider = createDecider(broken(hanging), { timeout: 50 })
    expect((await decider.login({ username: 'a', password: 'b', clientId: 'a' })).reason).toBe('shed')
    expect((await decider.access(ask('publish', 'x'))).reason).toBe('shed')
    expect(decider.stats()).toMatchObject({
      shed: 2,
      pending: 0,
      logins: { denied: 1 },
      access: { denied: 1 },
    })
  })

  test('is denied at once past so many', async () => {
    const decider = createDecider(broken(hanging), { timeout: 200, maxPending: 2 })
    const waiting = ['a', 'b'].map((username) => decider.access(ask('publish', 'x', username)))
    expect((await decider.access(ask('publish', 'x'))).reason).toBe('shed')
    // The first two still wait: it was not for want of time.
    expect(decider.stats()).toMatchObject({ shed: 1, pending: 2 })
    await Promise.all(waiting)
    expect(decider.stats().pending).toBe(0)
  })

  test('is shed when the hub has no place for it, and is no line in the log, however often', async () => {
    const warn = vi.fn()
    let isFull = false
    const verify = async () => {
      isFull = !isFull
      if (isFull) throw new DeviceHubError('queue_full', 'too many wait')
      return null
    }
    const hub = {
      ...fleet.hub,
      logger: { ...fleet.hub.logger, warn },
      credentials: { ...fleet.hub.credentials, verify },
    }
    const decider = createDecider(hub)
    const ask = async () => (await decider.login({ username: 'a', password: 'b', clientId: 'a' })).reason
    expect([await ask(), await ask(), await ask()]).toEqual(['shed', 'wrong_credentials', 'shed'])
    expect(decider.stats()).toMatchObject({ shed: 2, failed: 0, logins: { denied: 3 } })
    expect(warn).not.toHaveBeenCalled()
  })

  test('is denied when the database is away, logged once, and decided again when it is back', async () => {
    let isAway = true
    const warn = vi.fn()
    const { credentials, logger } = fleet.hub
    const away = async () => {
      throw new Error('away')
    }
    const decider = createDecider({
      ...fleet.hub,
      logger: { ...logger, warn },
      credentials: { ...credentials, find: (name) => (isAway ? away() : credentials.find(name)) },
    })
    const request = ask('publish', deviceTopics(Sensor, 'A1').data)
    for (let i = 0; i < 3; i++) expect((await decider.access(request)).reason).toBe('failed')
    expect(warn).toHaveBeenCalledTimes(1)
    isAway = false
    expect((await decider.access(request)).allow).toBe(true)
    expect(decider.stats()).toMatchObject({ failed: 3, access: { allowed: 1, denied: 3 } })
  })

  test('is denied for all of a SUBSCRIBE without end, which is one question in the figures', async () => {
    const topic = deviceTopics(Sensor, 'A1').cmd
    const decider = deciderOf()
    const ofMany = (count: number) => decider.accessAll(new Array(count).fill(ask('subscribe', topic)))
    expect((await ofMany(1000)).every(({ allow }) => allow)).toBe(true)
    expect((await ofMany(1001)).some(({ allow }) => allow)).toBe(false)
    expect(decider.stats()).toMatchObject({ access: { allowed: 1, denied: 1 }, shed: 1 })
  })
})
