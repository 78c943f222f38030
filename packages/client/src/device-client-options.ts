import type { Duration } from '@devicehub/core/definition'
import type { BackoffOptions } from '@devicehub/core/transport'

/** With what the device authenticates at the broker. */
export interface Credentials {
  /** At most 16,383 characters; with `@devicehub/provision` `<type>-<deviceId>`. */
  readonly username: string
  /** At most 16,383 characters. Never logged. */
  readonly password: string
}

/** TLS of the connection to the broker. */
export interface TlsOptions {
  /** PEM of the authority that signed the broker's certificate. Default: the system's. */
  readonly ca?: string | Buffer | readonly (string | Buffer)[] | undefined
  /** PEM of the device's own certificate, for a broker that asks for one. */
  readonly cert?: string | Buffer | undefined
  /** PEM of the private key of `cert`. */
  readonly key?: string | Buffer | undefined
  /** Of `key`, when it is encrypted. Never logged. */
  readonly passphrase?: string | undefined
  /** The name in the broker's certificate where it differs from the host of the URL. */
  readonly servername?: string | undefined
}

/** Samples wait in files, and survive the process and a power loss. */
export interface OutboxFolder {
  /** Used by this client alone; created if it does not exist. On a file system that keeps what is synced to it, not on tmpfs. */
  readonly folder: string
  /** Bytes the samples may take on disk, 20 a sample more than their JSON; at least 16,384. Default 64 MiB. */
  readonly maxBytes?: number | undefined
  /**
   * What goes when it is full: the `oldest` samples, a sixteenth of the outbox at a time (default), or the `newest`:
   * then `record` rejects with `queue_full`. Either is counted in `stats().dropped`.
   */
  readonly drop?: 'oldest' | 'newest' | undefined
}

/** Options of `createDeviceClient`. */
export interface DeviceClientOptions {
  /** `mqtts://broker.example.com:8883`; also mqtt, ws and wss. */
  readonly url: string
  /** The device's id at the hub: letters, digits, `_` and `-`. */
  readonly deviceId: string
  /** A function is asked anew at each connection, for credentials that change. */
  readonly credentials?: Credentials | (() => Credentials | Promise<Credentials>) | undefined
  /** Default 5. For a broker that has no MQTT 5: 4, which is MQTT 3.1.1. */
  readonly protocolVersion?: 4 | 5 | undefined
  /** Default `<type>-<deviceId>`. Two connections of one client id end each other, so it must be the device's own. */
  readonly clientId?: string | undefined
  /** First level of every topic; the hub's. Default `things`. */
  readonly topicPrefix?: string | undefined
  /** Certificates and keys of the connection; only with mqtts and wss. Default: the authorities Node trusts. */
  readonly tls?: TlsOptions | undefined
  /** The time between two signs of life on an idle connection, whole seconds; default 1 min. Half as much again and the broker sends the will. */
  readonly keepAlive?: Duration | undefined
  /** How long one attempt to connect may take; default 30 s. */
  readonly connectTimeout?: Duration | undefined
  /** How long the broker keeps commands for the device while it is away, whole seconds; default 1 h. 0: none, and a clean session. */
  readonly sessionExpiry?: Duration | undefined
  /**
   * How long the broker waits with the will after the connection is lost (MQTT 5), whole seconds, so that a short
   * interruption is not announced. Default 0.
   */
  readonly willDelay?: Duration | undefined
  /** Pauses between attempts to connect. Default 1 s, doubling to 60 s, half of each left to chance. */
  readonly reconnect?: BackoffOptions | undefined
  /**
   * Where samples wait until the broker has confirmed them: in memory (default), or on disk. With a folder, `record`
   * resolves when the sample is on disk, and may be called before `connect()`.
   */
  readonly outbox?: 'memory' | OutboxFolder | undefined
  /**
   * Publications that may wait, for the connection or their turn; past it `record` rejects (`queue_full`). Default
   * 10,000. With an outbox on disk: samples that may wait for the disk.
   */
  readonly maxQueued?: number | undefined
  /** The same in payload bytes; default 16 MiB. */
  readonly maxQueuedBytes?: number | undefined
  /** Publications sent and not confirmed; the broker's Receive Maximum bounds it as well. Default 100. */
  readonly maxInFlight?: number | undefined
  /** Connections a single publication may cost before it is given up (`publish_failed`); default 10. */
  readonly maxAttempts?: number | undefined
  /**
   * How long the broker may take to confirm a publication, the status and the subscriptions included, before the
   * connection is opened anew; default 1 min.
   */
  readonly ackTimeout?: Duration | undefined
  /** Samples `recordBatch`, or an outbox on disk, puts in one message; default 500. */
  readonly maxBatchSamples?: number | undefined
  /** Payload bytes of one message of `recordBatch`, unless a single sample has more; default 131,072. */
  readonly maxBatchBytes?: number | undefined
  /** Command handlers whose promise is pending at once; past it commands are rejected. Default 100. */
  readonly maxPendingCommands?: number | undefined
  /**
   * Finished commands whose ids and replies are kept, so that one that arrives again is answered and not executed again;
   * default 1,000.
   */
  readonly rememberedCommands?: number | undefined
  /**
   * After how long the status is sent again when nothing else was; false for none. Default the type's
   * `heartbeatInterval`, 5 min. The hub sets a device offline after two and a half intervals of silence.
   */
  readonly heartbeat?: Duration | false | undefined
}
