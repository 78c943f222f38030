import type { Duration } from '@devicehub/core'
import { DeviceHubError } from '@devicehub/core'
import { acceptDynamicSecurity } from '../option-rules.js'

export interface DynamicSecurityOptions {
  /** `mqtts://broker:8883`; mqtt, mqtts, ws or wss. Passwords of devices travel over it: use TLS outside one machine. */
  readonly url: string
  /** Of an administrator, as `mosquitto_ctrl dynsec init` makes one. */
  readonly username: string
  readonly password: string
  readonly tls?: SinkTls
  /**
   * Begins the names of the roles made here, and marks the clients. Every hub at one broker needs its own, none of
   * which begins another. Default `devicehub-`.
   */
  readonly rolePrefix?: string
  /** Of the sink's own connections; another for each process. Default `devicehub-dynamic-security`. */
  readonly clientId?: string
  /**
   * How long connecting may take, and each answer. Default 30 s: the broker writes its whole store for each
   * change, and with many devices that takes its time.
   */
  readonly timeout?: Duration
}

export interface SinkTls {
  readonly ca?: string | Buffer
  readonly cert?: string | Buffer
  readonly key?: string | Buffer
  readonly servername?: string
  readonly rejectUnauthorized?: boolean
}

export interface ControlSettings {
  readonly url: string
  /** The URL without a user or a password, for messages. */
  readonly shown: string
  readonly username: string
  readonly password: string
  readonly tls: SinkTls
  readonly rolePrefix: string
  readonly clientId: string
  readonly timeout: number
}

const PROTOCOLS = ['mqtt:', 'mqtts:', 'ws:', 'wss:']

/** Checked, with defaults. Throws `invalid_options`. */
export function controlSettings(given: DynamicSecurityOptions): ControlSettings {
  const options = acceptDynamicSecurity(given)
  const refuse = (message: string) =>
    new DeviceHubError('invalid_options', `mosquittoDynamicSecurity: ${message}`)
  const { username, password, tls = {}, rolePrefix = 'devicehub-', timeout = 30_000 } = options
  // Not a word of the URL in the message: it may hold a password.
  if (!URL.canParse(options.url)) throw refuse('`url` is no URL; it looks like mqtts://broker:8883')
  const url = new URL(options.url)
  if (!PROTOCOLS.includes(url.protocol) || url.hostname === '')
    throw refuse('the protocol of `url` is mqtt, mqtts, ws or wss, and it names a host')
  if (url.username !== '' || url.password !== '')
    throw refuse('give the administrator as `username` and `password`, not in `url`')
  const clientId = options.clientId ?? 'devicehub-dynamic-security'
  const shown = `${url.protocol}//${url.host}`
  return { url: options.url, shown, username, password, tls, rolePrefix, clientId, timeout }
}
