import { DeviceHubError, randomIds } from '@devicehub/core'
import type { BrokerOptions, BrokerSettings, MqttListenerOptions } from './options.js'
import { slotSettings } from './slots.js'

const PORTS = { mqtt: 1883, mqtts: 8883, ws: 80, wss: 443 } as const
type Protocol = keyof typeof PORTS

const DEFAULT_CLIENT_ID = 'devicehub'
const DEFAULT_GROUP = 'devicehub'

/** Ids that a library or a generator made up: mqtt.js' own, and UUIDs. */
const RANDOM_CLIENT_ID =
  /^mqttjs_|[0-9a-f]{8}-?[0-9a-f]{4}-?[1-8][0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}/i

const refuse = (message: string, details: Record<string, unknown> = {}) =>
  new DeviceHubError('invalid_options', message, { details })

/** The brokers of a listener, checked. Throws `invalid_options`. */
export function brokerSettings(options: MqttListenerOptions): BrokerSettings[] {
  const { brokers, name = 'default', ...shared } = options
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
  if (protocolVersion !== 4 && protocolVersion !== 5)
    throw refuse(at(`protocolVersion is 5 or 4 (MQTT 3.1.1), not ${String(protocolVersion)}`))
  if (![0, 1, 2].includes(qos)) throw refuse(at(`qos is 0, 1 or 2, not ${String(qos)}`))
  const whole = (option: string, value: number, min: number, max = Number.MAX_SAFE_INTEGER): number => {
    if (Number.isInteger(value) && value >= min && value <= max) return value
    throw refuse(at(`${option} must be a whole number from ${min} to ${max}, not ${String(value)}`), {
      [option]: value,
    })
  }
  const { min = 500, max = 30_000, jitter = 0.5 } = options.reconnect ?? {}
  if (!(min > 0 && max >= min && jitter >= 0 && jitter <= 1))
    throw refuse(
      at(`reconnect needs 0 < min <= max and a jitter of 0 to 1, not ${min}, ${max} and ${jitter}`),
    )

  const reached = address(at, options)
  const expiry = clean ? 0 : whole('sessionExpiry', sessionExpiry, 1, 0xffffffff)
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
    keepalive: whole('keepalive', keepalive, 0, 65_535),
    qos,
    clean,
    sessionExpiry: expiry,
    window: whole('window', options.window ?? 4_000, 1, 65_535),
    qos0Buffer: whole('qos0Buffer', options.qos0Buffer ?? 2_000, 0),
    yieldEvery: whole('yieldEvery', options.yieldEvery ?? 100, 1),
    reconnect: { min, max, jitter },
    connectTimeout: whole('connectTimeout', options.connectTimeout ?? 30_000, 1, 0x7fffffff),
    drainTimeout: whole('drainTimeout', options.drainTimeout ?? 10_000, 0, 0x7fffffff),
    quietPeriod: whole('quietPeriod', options.quietPeriod ?? 1_000, 1, 0x7fffffff),
    publishTimeout: whole('publishTimeout', options.publishTimeout ?? 10_000, 1, 0x7fffffff),
    publishQueue: whole('publishQueue', options.publishQueue ?? 10_000, 1),
    publishWindow: whole('publishWindow', options.publishWindow ?? 100, 1, 65_535),
  }
}

type At = (text: string) => string

function address(at: At, options: BrokerOptions) {
  const { url } = options
  if (typeof url !== 'string') throw refuse(at('give its `url`, such as mqtt://localhost:1883'))
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

/** The client id and the shared group, which go together: a member of a group must be found again under its id. */
function identity(at: At, options: BrokerOptions, protocolVersion: 4 | 5, clean: boolean) {
  const { sharedGroup, slots } = options
  const clientId = options.clientId ?? slots?.group
  if (sharedGroup !== undefined && sharedGroup !== false && !/^[^/+#\0]+$/.test(sharedGroup))
    throw refuse(at(`sharedGroup must be a name without / + #, not "${sharedGroup}"`))
  if (clientId !== undefined && (clientId === '' || clientId.includes('\0')))
    throw refuse(at('clientId is empty'))
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
  const group = slots?.group ?? DEFAULT_GROUP
  const shares = sharedGroup ?? (protocolVersion === 5 && clientId !== undefined ? group : false)
  return {
    clientId: clientId ?? (clean ? `${DEFAULT_CLIENT_ID}-${randomIds.next()}` : DEFAULT_CLIENT_ID),
    sharedGroup: shares === false ? null : shares,
  }
}
