import type { Duration } from '../model/duration.js'
import type { LeaseFence } from './leases.js'

/** A message as it came from a broker or over HTTP, before anybody looked into it. */
export interface InboundMessage {
  /** As received. */
  readonly topic: string
  /** As received, not decoded. */
  readonly payload: Uint8Array
  /** Who brought it, for the audit row: `mqtt:default`, `http`. */
  readonly source: string
  /** Default: when the hub is given it. */
  readonly receivedAt?: Date | undefined
  /** Quality of service; default 0. */
  readonly qos?: 0 | 1 | 2 | undefined
  /** The broker marked it as sent before (DUP). */
  readonly redelivered?: boolean | undefined
  /** The broker had kept it and hands it to a new subscriber. */
  readonly retained?: boolean | undefined
  /** As the sender says; MQTT 5 or HTTP. */
  readonly contentType?: string | undefined
  /** As the sender says; MQTT 5. */
  readonly correlationId?: string | undefined
  /** As the sender says; MQTT 5. */
  readonly userProperties?: Readonly<Record<string, string | readonly string[]>> | undefined
  /** The lease under which it was received: when another one holds it by the commit, the outcome is `failed` with the code `fenced`. */
  readonly fence?: LeaseFence | undefined
}

/** A message to publish. */
export interface OutboundMessage {
  /** Where to; without wildcards. */
  readonly topic: string
  /** Text goes out in UTF-8. */
  readonly payload: Uint8Array | string
  /** Default 1. */
  readonly qos?: 0 | 1 | 2 | undefined
  /** The broker keeps it for later subscribers. Default false. */
  readonly retain?: boolean | undefined
  /** MQTT 5; at most 16,383 characters. */
  readonly contentType?: string | undefined
  /** MQTT 5: its correlation data, in UTF-8. */
  readonly correlationId?: string | undefined
  /** MQTT 5: where a reply goes. */
  readonly responseTopic?: string | undefined
  /** MQTT 5. */
  readonly userProperties?: Readonly<Record<string, string | readonly string[]>> | undefined
  /** How long a broker that can (MQTT 5) keeps it before it drops it undelivered; from the hub a number of seconds. */
  readonly expiresIn?: Duration | undefined
}

/** What carries messages between the hub and devices. One transport is one broker. */
export interface Transport {
  /** The broker's name; a device type picks its broker by it. */
  readonly name: string
  /** Resolves when it works, or is on its way to; it can be called after `stop`. */
  start(): Promise<void>
  /** Drains: what is committed is acknowledged, then the connection ends. It can be started again. */
  stop(): Promise<void>
  /** Resolves when the broker took it over (QoS 1 and 2) or it was written (QoS 0); `publish_failed` or `transport_unavailable` otherwise. */
  publish(message: OutboundMessage): Promise<void>
}
