import type { Duration } from '@devicehub/core'

/** The delay before the next attempt to connect. It grows with each failure. */
export interface ReconnectOptions {
  /** The first delay. Default 500 ms; at most 1 min. */
  readonly min?: Duration
  /** The longest delay. Default 30 s. */
  readonly max?: Duration
  /**
   * The random share of each delay, 0 to 1. Default 0.5: when a broker restarts, its listeners do not all connect in the
   * same moment.
   */
  readonly jitter?: number
}

/** Lets several processes run with the same options: each leases a slot, and with it a client id, from the database. */
export interface SlotOptions {
  /** Slot 2 of the group `ingest` has the client id `ingest-2`. Letters, digits, `_` and `-`; at most 64. */
  readonly group: string
  /** Number of slots, 1 to 1,024. So many processes receive messages at once; any others stand by. */
  readonly max: number
  /**
   * How long until the slot of a process that died is free for another, 1 s to 1 h; default 15 s. A shorter lease is taken
   * over sooner and costs more queries: each process renews its lease three times, and reads the others' three times,
   * within each lease.
   */
  readonly lease?: Duration | undefined
  /**
   * A name for the broker. Needed when processes reach the same broker under different addresses: give them the same name.
   * Default: host and port of `url`.
   */
  readonly broker?: string | undefined
}

/** Options of one broker. */
export interface BrokerOptions {
  /**
   * `mqtt://`, `mqtts://`, `ws://` or `wss://`. May hold a user name and a password, which are never logged.
   */
  readonly url?: string | undefined
  /** 5 (default), or 4 for MQTT 3.1.1. */
  readonly protocolVersion?: 4 | 5
  /**
   * The client id of the MQTT session. Default `devicehub`. Keep it the same after every restart: under it the broker
   * keeps the messages that arrive meanwhile. Two processes need two ids, else the broker disconnects one whenever the
   * other connects. The listener also connects as `<clientId>-pub` to publish, and as `<clientId>-<name or hash>` for
   * each topic handler.
   */
  readonly clientId?: string | undefined
  /**
   * Instead of a `clientId`: each process leases its client id from the hub's database. All processes start with the same
   * options, and another process takes over the session of one that died.
   */
  readonly slots?: SlotOptions | undefined
  /** Default: that of `url`. */
  readonly username?: string | undefined
  /** Default: that of `url`. Needs a user name; never logged. */
  readonly password?: string | undefined
  /** Certificate authority, PEM: the contents of the file, not its path. Default: the authorities Node trusts. */
  readonly ca?: string | Uint8Array | undefined
  /** Client certificate for mutual TLS, PEM. Needs `key`. */
  readonly cert?: string | Uint8Array | undefined
  /** Private key of `cert`, PEM. */
  readonly key?: string | Uint8Array | undefined
  /** The host name in the broker's certificate, when it differs from the host of `url`. */
  readonly servername?: string | undefined
  /** Default true. False accepts any certificate: only for experiments. */
  readonly rejectUnauthorized?: boolean
  /** Keep-alive interval, whole seconds. Default 1 min; 0 turns it off. */
  readonly keepAlive?: Duration
  /**
   * The name of a shared subscription (`$share/<sharedGroup>/...`): the broker sends each message to one listener of the
   * group. Default: none, and every listener receives every message; with `slots` and MQTT 5 the group of the slots.
   * Mosquitto 2.0 forgets shared subscriptions when it restarts: messages are lost until the listeners subscribe again.
   */
  readonly sharedGroup?: string | false
  /** QoS of the subscriptions to device topics. Default 1. With 0, messages in transit are lost with the connection. */
  readonly qos?: 0 | 1 | 2
  /**
   * Default false. True starts a new MQTT session with each connection: the broker keeps no messages while the listener is
   * disconnected.
   */
  readonly cleanStart?: boolean
  /**
   * Session expiry interval: how long the broker keeps the session while the listener is disconnected, in whole seconds.
   * Default 7 days. MQTT 5.
   */
  readonly sessionExpiry?: Duration
  /**
   * The largest number of messages (QoS 1 and 2) that are received and not yet acknowledged, 1 to 65,535; default 8,000.
   * It is the Receive Maximum of the CONNECT. It bounds the memory and the batches of the storage: while
   * messages queue at the broker, a batch has about a quarter of it; the others are being sent, committed or acknowledged.
   */
  readonly receiveMaximum?: number
  /** The largest number of QoS 0 messages that wait for the storage. More are dropped and counted. Default 2,000. */
  readonly maxQueuedQos0?: number
  /**
   * After so many messages the event loop gets a turn. Default 100. A larger number is a little faster, and delays other
   * work of the process for longer.
   */
  readonly yieldEvery?: number
  /** Delays between attempts to connect. */
  readonly reconnect?: ReconnectOptions
  /** How long `start()` tries to connect and subscribe, and how long one attempt may take. Default 30 s. */
  readonly connectTimeout?: Duration
  /** `stop()` waits for the storage until it has made no progress for so long. Default 10 s. */
  readonly drainTimeout?: Duration
  /**
   * When a session is emptied: its queue counts as empty when no message has arrived for so long. Default 1 s.
   */
  readonly quietPeriod?: Duration
  /** How long a publication may wait for a connection and for its acknowledgement. Default 10 s. */
  readonly publishTimeout?: Duration
  /**
   * How long the broker may take to confirm a publication or a subscription before that connection is opened anew.
   * Publications of QoS 1 whose caller still waits are then sent again. Default 1 min.
   */
  readonly ackTimeout?: Duration
  /** The largest number of publications that wait or are sent and not acknowledged. More are refused. Default 10,000. */
  readonly maxPendingPublications?: number
  /**
   * The largest number of publications that are sent and not yet acknowledged. Default 100; less if the broker's Receive
   * Maximum is lower.
   */
  readonly maxInFlightPublications?: number
  /**
   * Called when the listener is connected and subscribed to the device topics, after each reconnect too. An error it
   * throws is logged and counted.
   */
  readonly onConnect?: ((event: ConnectEvent) => unknown) | undefined
  /** Called when a connection for which `onConnect` was called has ended. */
  readonly onDisconnect?: ((event: DisconnectEvent) => unknown) | undefined
}

/** Options of `createMqttListener`. */
export interface MqttListenerOptions extends BrokerOptions {
  /** The name of the broker at `url`. Default `default`. A device type chooses its broker by this name. */
  readonly name?: string
  /** Several brokers by name. The other options are the defaults of each. */
  readonly brokers?: Readonly<Record<string, BrokerOptions>>
}

/** The session for the device topics is connected and subscribed. */
export interface ConnectEvent {
  /** The broker's name in the options. */
  readonly broker: string
  /** Without user name and password. */
  readonly url: string
  /** The client id of the session. */
  readonly clientId: string
  /** True: the broker had kept the session, and the messages that arrived meanwhile. */
  readonly sessionPresent: boolean
}

/** That connection has ended. */
export interface DisconnectEvent extends Pick<ConnectEvent, 'broker' | 'url' | 'clientId'> {
  /** Why, in words: the broker's reason, or what happened to the socket. */
  readonly reason: string
  /** True: the listener was stopped. False: the connection was lost, and the listener connects again. */
  readonly stopped: boolean
}
