import { DeviceHubError } from '@devicehub/core'
import * as check from '@devicehub/core/check'
import { acceptConfig } from '../option-rules.js'
import type { BrokerConfigOptions } from './broker-config-options.js'
import type { ConfigTarget } from './config-target.js'
import { emqxConfig } from './emqx.js'
import { genericConfig } from './generic.js'
import { mosquittoGoAuthConfig } from './mosquitto-go-auth.js'
import { nanoMqConfig } from './nanomq.js'
import { rabbitMqConfig } from './rabbitmq.js'
import { verneMqConfig } from './vernemq.js'

const CONFIGS = {
  emqx: emqxConfig,
  'mosquitto-go-auth': mosquittoGoAuthConfig,
  rabbitmq: rabbitMqConfig,
  vernemq: verneMqConfig,
  nanomq: nanoMqConfig,
  generic: genericConfig,
} as const

/** A broker for which `brokerConfig` has a configuration. */
export type BrokerName = keyof typeof CONFIGS

/**
 * The text for the broker's configuration; it denies what the broker allows by default. Contains the secret.
 * `invalid_options` for an unknown broker or an invalid address.
 *
 * @example
 * import { brokerConfig } from '@devicehub/broker-auth'
 *
 * console.log(brokerConfig('emqx', { url: 'http://10.0.0.5:8081', secret: process.env.BROKER_SECRET ?? '' }))
 */
export function brokerConfig(broker: BrokerName, options: BrokerConfigOptions): string {
  if (typeof broker !== 'string' || !Object.hasOwn(CONFIGS, broker))
    throw new DeviceHubError(
      'invalid_options',
      `There is no configuration for ${check.showValue(broker)}; there is one for ${Object.keys(CONFIGS).join(', ')}`,
    )
  const { url, secret = null, vhost = '/' } = acceptConfig(options)
  return CONFIGS[broker](targetOf(url, secret, vhost))
}

function targetOf(text: string, secret: string | null, vhost: string): ConfigTarget {
  const url = URL.canParse(text) ? new URL(text) : null
  const isPlain = url !== null && url.search === '' && url.hash === '' && url.username === ''
  if (!isPlain || !/^https?:$/.test(url.protocol))
    throw new DeviceHubError(
      'invalid_options',
      'url must be the http:// or https:// address where the broker reaches the endpoints, without query and user name',
    )
  const base = url.pathname.replace(/\/+$/, '')
  const inPath = secret === null ? base : `${base}/${encodeURIComponent(secret)}`
  const tls = url.protocol === 'https:'
  return {
    origin: url.origin,
    host: url.hostname,
    port: url.port || (tls ? '443' : '80'),
    tls,
    path: (endpoint) => inPath + endpoint,
    address: (endpoint) => url.origin + inPath + endpoint,
    plain: (endpoint) => url.origin + base + endpoint,
    secret,
    vhost,
  }
}
