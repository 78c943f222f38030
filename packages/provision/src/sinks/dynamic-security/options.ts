import type { Duration } from '@devicehub/core'

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
