import { DeviceHubError } from '@devicehub/core'
import { randomIds } from '@devicehub/core/transport'
import { type AcceptedBroker, acceptListener, type ReconnectSettings } from './option-rules.js'
import type { ConnectEvent, DisconnectEvent, MqttListenerOptions } from './options.js'
import { type SlotSettings, slotSettings } from './slot-settings.js'

/** The options of one broker, checked and with defaults. */
export interface BrokerSettings {
  readonly name: string
  /** Without user name and password: for error and log texts. */
  readonly url: string
  readonly protocol: 'mqtt' | 'mqtts' | 'ws' | 'wss'
  readonly host: string
  readonly port: number
  /** Of a WebSocket, with its query; else empty. */
  readonly path: string
  readonly protocolVersion: 4 | 5
  /** With `slots` their group: the client id of each slot begins with it. */
  readonly clientId: string
  readonly slots: SlotSettings | null
  readonly username: string | undefined
  readonly password: string | undefined
  readonly tls: {
    readonly ca: string | Uint8Array | undefined
    readonly cert: string | Uint8Array | undefined
    readonly key: string | Uint8Array | undefined
    readonly servername: string | undefined
    readonly rejectUnauthorized: boolean
  }
  /** Seconds. */
  readonly keepAlive: number
  readonly sharedGroup: string | null
  readonly qos: 0 | 1 | 2
  readonly cleanStart: boolean
  /** Seconds. */
  readonly sessionExpiry: number
  readonly receiveMaximum: number
  readonly maxQueuedQos0: number
  readonly yieldEvery: number
  readonly reconnect: ReconnectSettings
  /** Milliseconds, as the others below. */
  readonly connectTimeout: number
  readonly drainTimeout: number
  readonly quietPeriod: number
  readonly publishTimeout: number
  readonly ackTimeout: number
  readonly maxPendingPublications: number
  readonly maxInFlightPublications: number
  readonly onConnect: ((event: ConnectEvent) => unknown) | undefined
  readonly onDisconnect: ((event: DisconnectEvent) => unknown) | undefined
}

const PORTS = { mqtt: 1883, mqtts: 8883, ws: 80, wss: 443 } as const
type Protocol = keyof typeof PORTS

const DEFAULT_CLIENT_ID = 'devicehub'

/** Client ids that mqtt.js generates, and UUIDs. */
const RANDOM_CLIENT_ID =
  /^mqttjs_|[0-9a-f]{8}-?[0-9a-f]{4}-?[1-8][0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}/i

const invalid = (message: string) => new DeviceHubError('invalid_options', message)

/** The settings of each broker of a listener. Throws `invalid_options`. */
export function brokerSettings(options: MqttListenerOptions): BrokerSettings[] {
  const { brokers, name = 'default', ...shared } = acceptListener(options)
  if (brokers === undefined) return [settingsOf(name, shared)]
  if (shared.url !== undefined)
    throw invalid('give either `url` or `brokers`; move the broker of `url` into `brokers`, under its name')
  const names = Object.keys(brokers)
  if (names.length === 0) throw invalid('`brokers` names no broker')
  return names.map((each) => settingsOf(each, { ...shared, ...brokers[each] }))
}

function settingsOf(name: string, options: AcceptedBroker): BrokerSettings {
  const at = (text: string) => `broker "${name}": ${text}`
  const {
    protocolVersion = 5,
    cleanStart = false,
    qos = 1,
    keepAlive = 60,
    sessionExpiry = 604_800,
  } = options
  const { min = 0.5, max = 30, jitter = 0.5 } = options.reconnect ?? {}
  if (min > max) throw invalid(at(`reconnect.min must be at most reconnect.max, not ${min} s and ${max} s`))

  const endpoint = endpointOf(at, options)
  const expiry = cleanStart ? 0 : sessionExpiry
  const slots = slotSettings(at, { ...options, protocolVersion, sessionExpiry: expiry }, endpoint)
  return {
    name,
    ...endpoint,
    protocolVersion,
    ...clientIdAndGroup(at, options, protocolVersion, cleanStart),
    slots,
    tls: {
      ca: options.ca,
      cert: options.cert,
      key: options.key,
      servername: options.servername,
      rejectUnauthorized: options.rejectUnauthorized ?? true,
    },
    keepAlive,
    qos,
    cleanStart,
    sessionExpiry: expiry,
    receiveMaximum: options.receiveMaximum ?? 8_000,
    maxQueuedQos0: options.maxQueuedQos0 ?? 2_000,
    yieldEvery: options.yieldEvery ?? 100,
    reconnect: { min, max, jitter },
    connectTimeout: options.connectTimeout ?? 30_000,
    drainTimeout: options.drainTimeout ?? 10_000,
    quietPeriod: options.quietPeriod ?? 1_000,
    publishTimeout: options.publishTimeout ?? 10_000,
    ackTimeout: options.ackTimeout ?? 60_000,
    maxPendingPublications: options.maxPendingPublications ?? 10_000,
    maxInFlightPublications: options.maxInFlightPublications ?? 100,
    onConnect: options.onConnect,
    onDisconnect: options.onDisconnect,
  }
}

type At = (text: string) => string

function endpointOf(at: At, options: AcceptedBroker) {
  const { url } = options
  if (url === undefined) throw invalid(at('`url` is missing; it looks like mqtt://localhost:1883'))
  // The message does not show the URL: it may hold a password.
  if (!URL.canParse(url)) throw invalid(at('`url` is not a URL; it looks like mqtt://localhost:1883'))
  const parsed = new URL(url)
  const protocol = parsed.protocol.slice(0, -1)
  if (!isProtocol(protocol))
    throw invalid(at(`the protocol of \`url\` must be mqtt, mqtts, ws or wss, not ${protocol}`))
  if (parsed.hostname === '') throw invalid(at('`url` has no host; it looks like mqtt://localhost:1883'))
  const secure = protocol === 'mqtts' || protocol === 'wss'
  if (!secure && (options.ca ?? options.cert ?? options.key) !== undefined)
    throw invalid(
      at(
        `\`ca\`, \`cert\` and \`key\` are for TLS: \`url\` must begin with mqtts:// or wss://, not ${protocol}://`,
      ),
    )
  if ((options.cert === undefined) !== (options.key === undefined))
    throw invalid(at('mutual TLS needs both `cert` and `key`'))
  const port = parsed.port === '' ? PORTS[protocol] : Number(parsed.port)
  const path = protocol === 'ws' || protocol === 'wss' ? `${parsed.pathname || '/'}${parsed.search}` : ''
  const username = options.username ?? (parsed.username ? decodeURIComponent(parsed.username) : undefined)
  const password = options.password ?? (parsed.password ? decodeURIComponent(parsed.password) : undefined)
  if (password !== undefined && username === undefined) throw invalid(at('`password` needs a `username`'))
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

/**
 * The client id and the group of the shared subscription. They are checked together: the broker keeps messages for a
 * member of a group under its client id.
 */
function clientIdAndGroup(at: At, options: AcceptedBroker, protocolVersion: 4 | 5, cleanStart: boolean) {
  const { sharedGroup, slots } = options
  const clientId = options.clientId ?? slots?.group
  if (!cleanStart) {
    const reason = 'the broker keeps messages under it, and no listener would receive them under another'
    if (clientId === undefined && sharedGroup)
      throw invalid(at(`sharedGroup needs a clientId that stays the same after a restart: ${reason}`))
    if (clientId !== undefined && RANDOM_CLIENT_ID.test(clientId))
      throw invalid(
        at(
          `the ${slots ? 'group' : 'clientId'} (${clientId}) looks random: it begins with mqttjs_ or contains a UUID. It must stay the same after a restart: ${reason}`,
        ),
      )
  }
  // Without slots or sharedGroup no shared subscription: Mosquitto 2.0 forgets those in a restart, and keeps others.
  const group = sharedGroup ?? (protocolVersion === 5 && slots !== undefined ? slots.group : false)
  return {
    clientId: clientId ?? (cleanStart ? `${DEFAULT_CLIENT_ID}-${randomIds.next()}` : DEFAULT_CLIENT_ID),
    sharedGroup: group === false ? null : group,
  }
}
