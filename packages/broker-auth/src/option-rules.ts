import type { AnyDeviceType, DeviceHub } from '@devicehub/core'
import * as check from '@devicehub/core/check'
import { isDeviceType } from '@devicehub/core/definition'
import type { AedesBroker } from './brokers/aedes-broker.js'
import type { RabbitMqOptions } from './brokers/rabbitmq.js'
import type { BrokerConfigOptions } from './config/broker-config-options.js'
import type { AccessRule, AccountLookup, BrokerAuthOptions, ClientIdRule, StaticAccount } from './options.js'

const { accept, duration, either, flag, hidden, integer, optional, options, text, word } = check

/** The secret that brokers share with this server is a header too; what it must be beside that, the caller check says. */
const secret = hidden(text({ max: 16_383 }))

/** What its values must be, the accounts themselves say: they come from functions as well. */
const ACCOUNT = options<StaticAccount>({
  password: hidden(
    check.anything<string | readonly string[]>('a text of at least 16 characters, or a list of such'),
  ),
  publish: check.anything<readonly string[]>('a list of topic filters'),
  subscribe: check.anything<readonly string[]>('a list of topic filters'),
  clientId: optional(check.anything<string>()),
  shared: optional(flag),
})

const DECIDER = {
  accounts: optional(
    either(check.callback<AccountLookup>(), check.mapOf(ACCOUNT, 'an object of accounts by user name')),
  ),
  accountsFor: optional(duration({ max: '1d' })),
  clientId: optional(either(word('username', 'any'), check.callback<ClientIdRule>())),
  rules: optional(check.callback<AccessRule>()),
  maxPending: optional(integer({ min: 1 })),
  timeout: optional(duration({ min: '1ms', max: '1h' })),
}

const BROKER_AUTH = options<check.InMilliseconds<BrokerAuthOptions>>({
  ...DECIDER,
  secret: optional(either(secret, check.list(secret, { min: 1, max: 100 }))),
  public: optional(flag),
  allow: optional(check.list(text({ max: 64 }), { max: 10_000 })),
  maxBody: optional(integer({ min: 1 })),
  rabbitmq: optional(options<RabbitMqOptions>({ vhost: optional(text({ max: 255 })) })),
})

const CONFIG = options<BrokerConfigOptions>({
  url: hidden(text({ max: 2_048, expected: 'an http:// or https:// address' })),
  secret: optional(
    hidden(
      text({
        max: 1_024,
        pattern: /^[\x21-\x7e]+$/,
        // A line end would be a line of the configuration, and the secret is a header too.
        expected: 'a text of visible ASCII characters: openssl rand -hex 32',
      }),
    ),
  ),
  vhost: optional(text({ max: 255, pattern: /^[^\s#]+$/, expected: 'a text without spaces and #' })),
})

type Granting = Pick<DeviceHub, 'types' | 'topicPrefix'>
const GRANTING = check.partOf<Granting>(
  {
    types: check.list(check.satisfies<AnyDeviceType>('a device type made by defineDeviceType', isDeviceType)),
    topicPrefix: text(),
  },
  'a hub made by createDeviceHub',
)
const AEDES = check.port<AedesBroker>('a broker made by Aedes.createBroker', 'on', 'off')

const HUB = check.port<DeviceHub>('a hub made by createDeviceHub', 'quarantine')

/** Each throws `invalid_options` with the key and what is expected. */
export const acceptBrokerAuth = (hub: unknown, given: unknown): check.InMilliseconds<BrokerAuthOptions> => {
  accept('createBrokerAuth', 'hub', HUB, hub)
  return accept('createBrokerAuth', 'options', BROKER_AUTH, given)
}
export const acceptGranting = (hub: unknown): Granting => accept('listenerGrants', 'hub', GRANTING, hub)
export const acceptAedes = (broker: unknown): AedesBroker => accept('attachPresence', 'broker', AEDES, broker)
export const acceptConfig = (given: unknown): BrokerConfigOptions =>
  accept('brokerConfig', 'options', CONFIG, given)
