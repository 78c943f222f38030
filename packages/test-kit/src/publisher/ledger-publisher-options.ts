import type { Duration } from '@devicehub/core'
import * as check from '@devicehub/core/check'
import { port, timeLimit } from '../option-rules.js'
import type { LedgerMessage } from './ledger-message.js'

export interface LedgerPublisherOptions {
  /** Default 127.0.0.1. */
  readonly host?: string
  readonly port: number
  /** Default 5. */
  readonly protocolVersion?: 4 | 5
  /** Default: a random one. */
  readonly clientId?: string
  readonly username?: string
  readonly password?: string
  /** Unacknowledged publications under way. Default 1000; never above the server's Receive Maximum. */
  readonly window?: number
  /** File to which the keys of acknowledged messages are appended, one a line. */
  readonly ledgerFile?: string
  /** The pause before it connects again after a cut. Default 50 ms. */
  readonly reconnectDelay?: Duration
  /** How long to wait for a CONNACK. Default 30 s. */
  readonly connectTimeout?: Duration
}

export interface PublishAllOptions {
  /** For this call; default: the publisher's. */
  readonly window?: number
  /** Messages a second. Default: as fast as the window allows. */
  readonly rate?: number
}

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
  reconnectDelay: timeLimit,
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
