import type { IClientOptions } from 'mqtt'
import type { LinkOptions } from './link'

const silent = () => {}

/** mqtt.js is asked for one connection and nothing else: no retries, no resubscribing, no queue. */
export function toClientOptions({
  settings,
  clientId,
  clean,
  sessionExpiry,
  receiveMaximum,
}: LinkOptions): IClientOptions {
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
    // A WebSocket's URL is put together from its parts, and there an IPv6 address wants its brackets.
    hostname: isWebSocket && host.includes(':') ? `[${host}]` : host,
    port,
    ...(isWebSocket ? { path, wsOptions: protocol === 'wss' ? secure : {} } : {}),
    ...(protocol === 'mqtts' ? secure : {}),
    protocolVersion,
    clientId,
    clean,
    keepalive: settings.keepalive,
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
    // Handlers are in place before the first packet: a stored message may follow the CONNACK in the same read.
    manualConnect: true,
    // Its debug output would show payloads and passwords.
    log: silent,
  }
}
