import { createDeviceHub, defineDeviceType, memoryStorage } from '@devicehub/core'
import { expect, test } from 'vitest'
import { type BrokerAuthOptions, brokerConfig, createBrokerAuth } from './index.js'

const hub = createDeviceHub({
  types: [defineDeviceType('station', {})],
  storage: memoryStorage(),
  credentials: { secret: 'a secret of the tests, long enough' },
})
const any = (value: unknown) => value as never
const create = (options: unknown) => () => createBrokerAuth(hub, options as BrokerAuthOptions)
const url = 'http://10.0.0.5:8081'

test.each<[string, () => unknown, RegExp]>([
  ['no hub', () => createBrokerAuth(any(null)), /hub must be a hub made by createDeviceHub/],
  ['options of null', create(null), /createBrokerAuth: options must be an object/],
  ['a misspelt option', create({ secrets: 'x' }), /did you mean secret/],
  ['public as a text', create({ public: 'false' }), /public must be true or false/],
  ['no list of addresses', create({ allow: '10.0.0.1' }), /allow must be a list/],
  ['an address of null', create({ allow: [null] }), /allow\[0\] must be a text/],
  ['a body without bounds', create({ maxBody: Number.POSITIVE_INFINITY }), /maxBody must be a whole number/],
  ['a rule that cannot be called', create({ rules: true }), /rules must be a function/],
  ['an unknown client id rule', create({ clientId: 'all' }), /clientId must be one of username, any, or a/],
  ['an account of null', create({ accounts: { a: null } }), /accounts\.a must be an object/],
  [
    'a misspelt grant',
    create({ accounts: { a: { password: 'x'.repeat(16), publish: [], subscribes: [] } } }),
    /accounts\.a\."subscribes" is not known here; did you mean subscribe/,
  ],
  ['an unknown broker', () => brokerConfig(any({}), { url }), /no configuration for an object/],
  ['no address', () => brokerConfig('emqx', any({})), /brokerConfig: url is missing/],
  ['a line in the secret', () => brokerConfig('emqx', { url, secret: 'a\nb' }), /visible ASCII/],
])('%s is refused', (_, call, message) => {
  expect(call).toThrow(
    expect.objectContaining({ code: 'invalid_options', message: expect.stringMatching(message) }),
  )
})

test('no secret is shown in an error', () => {
  for (const call of [
    create({ secret: 'hunter2' }),
    create({ secret: ['hunter2', 5] }),
    create({ accounts: { a: { password: 'hunter2', publish: [], subscribe: [] } } }),
    () => brokerConfig('emqx', { url, secret: 'hunter2\n' }),
    () => brokerConfig('emqx', { url: any(['http://me:hunter2@x']) }),
  ])
    try {
      call()
      expect.unreachable()
    } catch (error) {
      expect(String(error)).toMatch(/must/)
      expect(String(error)).not.toContain('hunter2')
    }
})

test('questions that are none are answered with no', async () => {
  const { decider, stats } = createBrokerAuth(hub, { public: true })
  for (const question of [null, undefined, 5, {}, { username: 5 }, { username: 'a', password: null }]) {
    expect(await decider.login(any(question))).toMatchObject({ allow: false })
    expect(await decider.access(any(question))).toMatchObject({ allow: false })
  }
  expect(await decider.accessAll(any(null))).toEqual([])
  // Nothing failed: the questions were wrong.
  expect(stats().failed).toBe(0)
})
