import type { IClientOptions } from 'mqtt'
import type { ResolvedOptions } from './device-client-options.js'

/** What mqtt.js is told of the options that stay the same for every connection. */
export function mqttOptions(options: ResolvedOptions): IClientOptions {
  const { protocolVersion, keepalive, connectTimeout, sessionExpiry, tls = {} } = options
  const five = protocolVersion === 5 ? { properties: { sessionExpiryInterval: sessionExpiry } } : {}
  const secure = Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined))
  return {
    protocolVersion,
    keepalive,
    connectTimeout: connectTimeout * 1000,
    clean: sessionExpiry === 0,
    // 8 MB of numbers encoded in advance, for a speed that no device needs. It holds for every client of the process.
    writeCache: false,
    ...five,
    ...secure,
  }
}
