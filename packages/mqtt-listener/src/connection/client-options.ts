import type { IClientOptions } from 'mqtt'
import type { BrokerSettings } from '../settings/broker-settings.js'

/** What the CONNECT of a link says. */
export interface ConnectSettings {
  readonly settings: BrokerSettings
  readonly clientId: string
  /** Clean start: the broker forgets an earlier session of this client id. */
  readonly clean: boolean
  /** Seconds the broker keeps the session after the connection ends. MQTT 5. */
  readonly sessionExpiry: number
  /** The largest number of unacknowledged messages the broker may send. MQTT 5. */
  readonly receiveMaximum?: number
}

const silent = () => {}

/** mqtt.js makes one connection and nothing else: no reconnect, no resubscribe, no queue. */
export function toClientOptions({
  settings,
  clientId,
  clean,
  sessionExpiry,
  receiveMaximum,
}: ConnectSettings): IClientOptions {
  const { protocol, host, port, path, tls, protocolVersion, username, password } = settings
  const isWebSocket = protocol === 'ws' || protocol === 'wss'
  const bytes = (pem: string | Uint8Array) => (typeof pem === 'string' ? pem : Buffer.from(pem))
  const secure = {
    rejectUnauthorized: tls.rejectUnauthorized,
    ...(tls.ca !== undefined && { ca: bytes(tls.ca) }),
    ...(tls.cert !== undefined && { cert: bytes(tls.cert) }),
    ...(tls.key !== undefined && { key: bytes(tls.key) }),
    ...(tls.servername !== undefined && { servername: tls.servername }),
  }
  return {
    protocol,
    // mqtt.js builds the URL of a WebSocket from these parts. In a URL an IPv6 address stands in brackets.
    hostname: isWebSocket && host.includes(':') ? `[${host}]` : host,
    port,
    ...(isWebSocket ? { path, wsOptions: protocol === 'wss' ? secure : {} } : {}),
    ...(protocol === 'mqtts' ? secure : {}),
    protocolVersion,
    clientId,
    clean,
    keepalive: settings.keepAlive,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(protocolVersion === 5 && {
      properties: {
        sessionExpiryInterval: sessionExpiry,
        ...(receiveMaximum !== undefined && { receiveMaximum }),
      },
    }),
    connectTimeout: settings.connectTimeout,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    // Connects only after the event handlers are set: a stored message can follow the CONNACK in the same chunk.
    manualConnect: true,
    // The debug output of mqtt.js would show payloads and passwords.
    log: silent,
  }
}
