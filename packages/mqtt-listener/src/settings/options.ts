import type { BrokerConnected, BrokerDisconnected } from '../reporting/connection-events'

/** Backing off before the next attempt to connect. Milliseconds. */
export interface ReconnectOptions {
  /** Default 500. */
  readonly min?: number
  /** Default 30,000. */
  readonly max?: number
  /** The share of each delay that is left to chance, 0 to 1; default 0.5, so that a fleet of listeners does not return at once. */
  readonly jitter?: number
}

/** How processes of one configuration share out client ids; each holds one at a time. */
export interface SlotOptions {
  /** Slot 2 of `ingest` is the client id `ingest-2`. Letters, digits, `_` and `-`, at most 64. */
  readonly group: string
  /** Slots of the group, 1 to 1,024: as many processes receive at once, any others stand by. */
  readonly max: number
  /**
   * Seconds until the slot of a process that died is free for another, at least 1; default 15. Less is quicker and asks
   * the database more often: a listener writes three times in each, and reads as often.
   */
  readonly lease?: number | undefined
  /**
   * Names the broker, for processes that reach the same one under several addresses. Default: host and port of `url`.
   */
  readonly broker?: string | undefined
}

export interface BrokerOptions {
  /** `mqtt://`, `mqtts://`, `ws://` or `wss://`, with a user name and password if need be: they are never logged. */
  readonly url?: string | undefined
  /** Default 5; 4 is MQTT 3.1.1. */
  readonly protocolVersion?: 4 | 5
  /**
   * The process's name at the broker, the same after every restart: the broker keeps its messages under it. Default
   * `devicehub`; two processes of one client id throw each other out. Beside it the listener connects as
   * `<clientId>-pub` to publish and as `<clientId>-<hash>` for each topic handler.
   */
  readonly clientId?: string | undefined
  /**
   * Instead of a `clientId`: each process leases one from the hub's database, so that all start with the same options,
   * and the session of one that died is taken over by another.
   */
  readonly slots?: SlotOptions | undefined
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** PEM, the contents and not a path. `cert` and `key` are for mutual TLS. */
  readonly ca?: string | Uint8Array | undefined
  readonly cert?: string | Uint8Array | undefined
  readonly key?: string | Uint8Array | undefined
  /** The name the server's certificate must have, when it is not the host of the URL. */
  readonly servername?: string | undefined
  /** Default true. False accepts any certificate: for experiments. */
  readonly rejectUnauthorized?: boolean
  /** Seconds; default 60. */
  readonly keepalive?: number
  /**
   * The group in which replicas share the messages, so that each message goes to one of them. Default: none, and every
   * listener gets every message; with `slots` and MQTT 5 their group. Mosquitto 2.0 forgets groups in a restart: what is
   * sent until the members are back is lost.
   */
  readonly sharedGroup?: string | false
  /** Of the subscriptions to device topics; default 1. With 0 the broker forgets a message when it has sent it. */
  readonly qos?: 0 | 1 | 2
  /** Start without the messages of an earlier session, and leave none behind. Default false. */
  readonly clean?: boolean
  /** Seconds the broker keeps the session while the listener is away; default 604,800 (7 days). MQTT 5. */
  readonly sessionExpiry?: number
  /** Messages that may be unacknowledged at once, 1 to 65,535; default 4,000. Bounds memory and the batches of the storage. */
  readonly window?: number
  /** QoS 0 messages that may wait for the storage; more are dropped and counted. Default 2,000. */
  readonly qos0Buffer?: number
  /** Messages after which the event loop gets its turn; default 100. Larger is a little faster and less even. */
  readonly yieldEvery?: number
  readonly reconnect?: ReconnectOptions
  /** Milliseconds `start()` tries to connect and subscribe, and one attempt may take; default 30,000. */
  readonly connectTimeout?: number
  /** Milliseconds without progress after which `stop()` no longer waits for the storage; default 10,000. */
  readonly drainTimeout?: number
  /** Milliseconds without a message after which a queue that is drained counts as empty; default 1,000. */
  readonly quietPeriod?: number
  /** Milliseconds a publication may wait, for a connection and for its acknowledgement; default 10,000. */
  readonly publishTimeout?: number
  /** Publications that may wait at once; more are refused. Default 10,000. */
  readonly publishQueue?: number
  /** Publications that may be unacknowledged at once, if the broker grants as many; default 100. */
  readonly publishWindow?: number
  /** Called whenever it is connected and subscribed to the device topics. What it throws is logged and counted. */
  readonly onConnect?: ((event: BrokerConnected) => unknown) | undefined
  /** Called whenever a connection of which `onConnect` was told has ended. */
  readonly onDisconnect?: ((event: BrokerDisconnected) => unknown) | undefined
}

export interface MqttListenerOptions extends BrokerOptions {
  /** The name of the broker at `url`; default `default`. Device types pick their broker by it. */
  readonly name?: string
  /** Several brokers by name, one connection each. What stands beside `brokers` is their default. */
  readonly brokers?: Readonly<Record<string, BrokerOptions>>
}

export interface SlotSettings {
  readonly group: string
  readonly max: number
  /** Milliseconds. */
  readonly ttl: number
  readonly broker: string
}

/** The options of one broker, checked and complete. */
export interface BrokerSettings {
  readonly name: string
  /** Without credentials: for messages and logs. */
  readonly url: string
  readonly protocol: 'mqtt' | 'mqtts' | 'ws' | 'wss'
  readonly host: string
  readonly port: number
  /** Of a WebSocket, with its query. */
  readonly path: string
  readonly protocolVersion: 4 | 5
  /** With `slots` their group, which the client ids begin with. */
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
  readonly keepalive: number
  readonly sharedGroup: string | null
  readonly qos: 0 | 1 | 2
  readonly clean: boolean
  readonly sessionExpiry: number
  readonly window: number
  readonly qos0Buffer: number
  readonly yieldEvery: number
  readonly reconnect: Required<ReconnectOptions>
  readonly connectTimeout: number
  readonly drainTimeout: number
  readonly quietPeriod: number
  readonly publishTimeout: number
  readonly publishQueue: number
  readonly publishWindow: number
  readonly onConnect: ((event: BrokerConnected) => unknown) | undefined
  readonly onDisconnect: ((event: BrokerDisconnected) => unknown) | undefined
}
