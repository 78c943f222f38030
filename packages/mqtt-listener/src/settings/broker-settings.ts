import { DeviceHubError, randomIds } from '@devicehub/core'
import { slotSettings } from '../slots/slots'
import { acceptListener } from './option-rules'
import type { BrokerOptions, BrokerSettings, MqttListenerOptions } from './options'

const PORTS = { mqtt: 1883, mqtts: 8883, ws: 80, wss: 443 } as const
type Protocol = keyof typeof PORTS

const DEFAULT_CLIENT_ID = 'devicehub'

/** Ids that a library or a generator made up: mqtt.js' own, and UUIDs. */
const RANDOM_CLIENT_ID =
  /^mqttjs_|[0-9a-f]{8}-?[0-9a-f]{4}-?[1-8][0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}/i

const refuse = (message: string, details: Record<string, unknown> = {}) =>
  new DeviceHubError('invalid_options', message, { details })

/** The brokers of a listener, checked and complete. Throws `invalid_options`. */
export function brokerSettings(options: MqttListenerOptions): BrokerSettings[] {
  const { brokers, name = 'default', ...shared } = acceptListener(options)
  if (brokers === undefined) return [settingsOf(name, shared)]
  if (shared.url !== undefined)
    throw refuse('give either `url` or `brokers`; put the broker of `url` into `brokers` under its name')
  const names = Object.keys(brokers)
  if (names.length === 0) throw refuse('`brokers` names no broker')
  return names.map((each) => settingsOf(each, { ...shared, ...brokers[each] }))
}

function settingsOf(name: string, options: BrokerOptions): BrokerSettings {
  const at = (text: string) => `broker "${name}": ${text}`
  const { protocolVersion = 5, clean = false, qos = 1, keepalive = 60, sessionExpiry = 604_800 } = options
  const { min = 500, max = 30_000, jitter = 0.5 } = options.reconnect ?? {}
  if (min > max) throw refuse(at(`reconnect.min must be at most reconnect.max, not ${min} and ${max}`))

  const reached = address(at, options)
  const expiry = clean ? 0 : sessionExpiry
  const slots = slotSettings(at, { ...options, protocolVersion, sessionExpiry: expiry }, reached)
  return {
    name,
    ...reached,
    protocolVersion,
    ...identity(at, options, protocolVersion, clean),
    slots,
    tls: {
      ca: options.ca,
      cert: options.cert,
      key: options.key,
      servername: options.servername,
      rejectUnauthorized: options.rejectUnauthorized ?? true,
    },
    keepalive,
    qos,
    clean,
    sessionExpiry: expiry,
    window: options.window ?? 4_000,
    qos0Buffer: options.qos0Buffer ?? 2_000,
    yieldEvery: options.yieldEvery ?? 100,
    reconnect: { min, max, jitter },
    connectTimeout: options.connectTimeout ?? 30_000,
    drainTimeout: options.drainTimeout ?? 10_000,
    quietPeriod: options.quietPeriod ?? 1_000,
    publishTimeout: options.publishTimeout ?? 10_000,
    publishQueue: options.publishQueue ?? 10_000,
    publishWindow: options.publishWindow ?? 100,
    onConnect: options.onConnect,
    onDisconnect: options.onDisconnect,
  }
}

type At = (text: string) => string

function address(at: At, options: BrokerOptions) {
  const { url } = options
  if (url === undefined) throw refuse(at('give its `url`, such as mqtt://localhost:1883'))
  // Not a word of the URL in the message: it may hold a password.
  if (!URL.canParse(url)) throw refuse(at('`url` is no URL; it looks like mqtt://localhost:1883'))
  const parsed = new URL(url)
  const protocol = parsed.protocol.slice(0, -1)
  if (!isProtocol(protocol))
    throw refuse(at(`the protocol of \`url\` is mqtt, mqtts, ws or wss, not ${protocol}`))
  if (parsed.hostname === '') throw refuse(at('`url` names no host'))
  const secure = protocol === 'mqtts' || protocol === 'wss'
  if (!secure && (options.ca ?? options.cert ?? options.key) !== undefined)
    throw refuse(at(`a certificate needs mqtts or wss, and \`url\` says ${protocol}`))
  if ((options.cert === undefined) !== (options.key === undefined))
    throw refuse(at('mutual TLS needs both `cert` and `key`'))
  const port = parsed.port === '' ? PORTS[protocol] : Number(parsed.port)
  const path = protocol === 'ws' || protocol === 'wss' ? `${parsed.pathname || '/'}${parsed.search}` : ''
  const username = options.username ?? (parsed.username ? decodeURIComponent(parsed.username) : undefined)
  const password = options.password ?? (parsed.password ? decodeURIComponent(parsed.password) : undefined)
  if (password !== undefined && username === undefined) throw refuse(at('a password needs a username'))
  return {
    url: `${protocol}://${parsed.hostname}:${port}${path.replace(/\?.*/, '')}`,
    protocol,
    host: parsed.hostname.replace(/^\[|\]$/g, ''),
    port,
    path,
    username,
    password,
  }
}

const isProtocol = (protocol: string): protocol is Protocol => Object.hasOwn(PORTS, protocol)

/** The client id and the group, if `slots` or `sharedGroup` asks for one. They go together: a member of a group must be found again under its id. */
function identity(at: At, options: BrokerOptions, protocolVersion: 4 | 5, clean: boolean) {
  const { sharedGroup, slots } = options
  const clientId = options.clientId ?? slots?.group
  if (!clean) {
    const kept = 'the broker keeps its messages under it, and under a new one they would wait for nobody'
    if (clientId === undefined && sharedGroup)
      throw refuse(at(`sharedGroup needs a clientId that stays the same after a restart: ${kept}`))
    if (clientId !== undefined && RANDOM_CLIENT_ID.test(clientId))
      throw refuse(
        at(
          `the ${slots ? 'group' : 'clientId'} looks random (${clientId}); it must stay the same after a restart: ${kept}`,
        ),
      )
  }
  // A single process is in no group: brokers that forget groups in a restart (Mosquitto) keep its own subscription.
  const shares = sharedGroup ?? (protocolVersion === 5 && slots !== undefined ? slots.group : false)
  return {
    clientId: clientId ?? (clean ? `${DEFAULT_CLIENT_ID}-${randomIds.next()}` : DEFAULT_CLIENT_ID),
    sharedGroup: shares === false ? null : shares,
  }
}
