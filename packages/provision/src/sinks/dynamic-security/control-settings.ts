import { DeviceHubError } from '@devicehub/core'
import { acceptDynamicSecurity } from '../option-rules.js'
import type { DynamicSecurityOptions, SinkTls } from './options.js'

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
    throw refuse('the protocol of `url` must be mqtt, mqtts, ws or wss, and a host must follow')
  if (url.username !== '' || url.password !== '')
    throw refuse('give the administrator as `username` and `password`, not in `url`')
  const clientId = options.clientId ?? 'devicehub-dynamic-security'
  const shown = `${url.protocol}//${url.host}`
  return { url: options.url, shown, username, password, tls, rolePrefix, clientId, timeout }
}
