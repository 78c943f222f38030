import type { Duration } from '@devicehub/core'

/** Options of `mosquittoDynamicSecurity`. */
export interface DynamicSecurityOptions {
  /** `mqtts://broker:8883`; mqtt, mqtts, ws or wss. Passwords of devices travel over it: use TLS outside one machine. */
  readonly url: string
  /** Of an administrator, as `mosquitto_ctrl dynsec init` makes one. */
  readonly username: string
  /** Of that administrator. Never logged. */
  readonly password: string
  /** Certificates of the connection; with mqtts and wss. */
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

/** TLS of a sink that connects to its broker. */
export interface SinkTls {
  /** PEM of the authority that signed the broker's certificate. Default: the authorities Node trusts. */
  readonly ca?: string | Buffer
  /** PEM of the sink's own certificate, for a broker that asks for one. */
  readonly cert?: string | Buffer
  /** PEM of the private key of `cert`. */
  readonly key?: string | Buffer
  /** The name in the broker's certificate where it differs from the host of the URL. */
  readonly servername?: string
  /** Default true. False accepts any certificate: only for experiments. */
  readonly rejectUnauthorized?: boolean
}
