import type { Duration, InboundMessage } from '@devicehub/core'
import type { OutboundMessage } from '@devicehub/core/transport'

/** A message for the hub. A field that is left out has the value of the message that is being handled. */
export type MessageFromHandler = Pick<InboundMessage, 'topic' | 'payload'> & Partial<InboundMessage>

/** What a topic handler gets beside its message. */
export interface TopicHandlerContext {
  /**
   * Aborted when the handler has exceeded its `timeout`, when the listener stops, or when its slot is lost. A result that
   * comes later is discarded.
   */
  readonly signal: AbortSignal
  /**
   * Passes messages to the hub, as if they had come from the broker. The hub takes them when the handler has returned, and
   * the handled message is acknowledged when they are committed. If the handler fails or exceeds its `timeout`, the hub
   * takes none of them. After that, `ingest` throws: `handler_failed`, or `closed` when the listener has stopped or the
   * handler has returned.
   *
   * @example
   * import { createMqttListener } from '@devicehub/mqtt-listener'
   * import { hub } from './hub.js'
   *
   * const listener = createMqttListener(hub, { url: 'mqtt://localhost:1883', clientId: 'ingest' })
   * listener.handle('plant/+/meter', (message, { ingest }) => {
   *   ingest({ topic: `things/meter/${message.topic.split('/')[1]}/data`, payload: message.payload })
   * })
   */
  ingest(...messages: readonly MessageFromHandler[]): void
  /** Publishes to the handler's broker. Rejects with the errors of `listener.publish`, and when `ingest` would throw. */
  publish(message: OutboundMessage): Promise<void>
}

/**
 * Handles one message. The message is acknowledged when the handler has returned, or its promise has resolved, and the
 * messages given to `context.ingest` are committed.
 */
export type TopicHandler = (message: InboundMessage, context: TopicHandlerContext) => unknown

/** Options of `handle`. */
export interface TopicHandlerOptions {
  /** QoS of the subscription. Default 1. */
  readonly qos?: 0 | 1 | 2
  /** How long one call may take. Default 30 s. */
  readonly timeout?: Duration
  /** How many calls may run at once, 1 to 65,535; default 32. With 1, messages are handled in the order received. */
  readonly concurrency?: number
  /**
   * True (default): the listeners of a group share the messages, as for device topics. False: each listener gets every
   * message, and retained messages too, which brokers do not send to shared subscriptions.
   */
  readonly shared?: boolean
  /**
   * Distinguishes handlers of the same filter, and identifies the handler for a replay. Part of the client id. Letters,
   * digits, `_` and `-`; default: a hash of the filter.
   */
  readonly name?: string
  /** The broker's name. Default: the only broker, or `default`. */
  readonly broker?: string
}
