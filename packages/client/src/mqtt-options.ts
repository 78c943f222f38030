import type { IClientOptions } from 'mqtt'
import type { ResolvedOptions } from './resolve-options.js'

/** Options of mqtt.js that are the same for every connection. */
function mqttOptions(options: ResolvedOptions): IClientOptions {
  const { protocolVersion, keepAlive, connectTimeout, sessionExpiry, tls = {} } = options
  const five = protocolVersion === 5 ? { properties: { sessionExpiryInterval: sessionExpiry } } : {}
  const secure = Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined))
  return {
    protocolVersion,
    keepalive: keepAlive,
    connectTimeout,
    clean: sessionExpiry === 0,
    // 8 MB of numbers encoded in advance, for a speed that no device needs. It holds for every client of the process.
    writeCache: false,
    ...five,
    ...secure,
  }
}

export interface ConnectOptions {
  readonly clientId: string
  /** Topic and payload of the will. */
  readonly will: { readonly topic: string; readonly payload: Uint8Array }
}

/** Options of mqtt.js for one connection, with new credentials. */
export async function connectOptions(
  options: ResolvedOptions,
  { clientId, will }: ConnectOptions,
): Promise<IClientOptions> {
  const { credentials } = options
  const given = typeof credentials === 'function' ? await credentials() : credentials
  return {
    ...mqttOptions(options),
    clientId,
    ...(given?.username === undefined ? {} : { username: given.username }),
    ...(given?.password === undefined ? {} : { password: given.password }),
    will: {
      topic: will.topic,
      payload: will.payload as Buffer,
      qos: 1,
      retain: false,
      ...(options.protocolVersion === 5 ? { properties: { willDelayInterval: options.willDelay } } : {}),
    },
  }
}
