import type { Duration } from '@devicehub/core'
import * as check from '@devicehub/core/check'
import { port, shortPause, timeLimit } from '../option-rules.js'
import type { LedgerMessage } from './ledger-message.js'

/** Options of `createLedgerPublisher`. */
export interface LedgerPublisherOptions {
  /** Host of the broker. Default `127.0.0.1`. */
  readonly host?: string
  /** Port of the broker. */
  readonly port: number
  /** 4 is MQTT 3.1.1. Default 5. */
  readonly protocolVersion?: 4 | 5
  /** Default: a random one. */
  readonly clientId?: string
  /** User name in the CONNECT. Default: none. */
  readonly username?: string
  /** Password in the CONNECT. Default: none. */
  readonly password?: string
  /** How many unacknowledged messages may be in flight. Default 1000; never more than the broker's Receive Maximum. */
  readonly window?: number
  /** A file to which the keys of acknowledged messages are appended, one per line. Default: none. */
  readonly ledgerFile?: string
  /** The pause before it reconnects. Default 50 ms. */
  readonly reconnectDelay?: Duration
  /** How long to wait for a CONNACK. Default 30 s. */
  readonly connectTimeout?: Duration
}

/** Options of `publishAll`. */
export interface PublishAllOptions {
  /** The limit of messages in flight for this call. Default: the publisher's `window`. */
  readonly window?: number
  /** Messages per second. Default: as fast as `window` allows. */
  readonly rate?: number
}

/** A list or generator of messages. Messages are taken from it when there is room in the window. */
export type MessageSource = Iterable<LedgerMessage> | AsyncIterable<LedgerMessage>

const { hidden, integer, number, optional, options, text, word } = check

const PUBLISHER = options<check.InMilliseconds<LedgerPublisherOptions>>({
  host: optional(text({ max: 255 })),
  port,
  protocolVersion: optional(word(4, 5)),
  clientId: optional(text({ max: 16_383 })),
  username: optional(text({ max: 16_383 })),
  password: optional(hidden(text({ max: 16_383 }))),
  window: optional(integer({ min: 1, max: 65_535 })),
  ledgerFile: optional(text({ max: 4_096 })),
  reconnectDelay: shortPause,
  connectTimeout: timeLimit,
})

const PUBLISH_ALL = options<PublishAllOptions>({
  window: optional(integer({ min: 1, max: 65_535 })),
  rate: optional(number({ above: 0 })),
})

const SOURCE = check.satisfies<MessageSource>(
  'a list of messages, or something to iterate over',
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    (Symbol.iterator in value || Symbol.asyncIterator in value),
)

export const acceptPublisher = (given: unknown): check.InMilliseconds<LedgerPublisherOptions> =>
  check.accept('createLedgerPublisher', 'options', PUBLISHER, given)

export const acceptPublishAll = (given: unknown): PublishAllOptions =>
  check.accept('publisher.publishAll', 'options', PUBLISH_ALL, given)

export const acceptSource = (given: unknown): MessageSource =>
  check.accept('publisher.publishAll', 'messages', SOURCE, given)
