export {
  createFakeBroker,
  type FakeBroker,
  type FakeBrokerOptions,
  type FakeConnection,
  type FakePublication,
} from './fake-broker.js'
export type { Ledger } from './ledger.js'
export type { LedgerMessage } from './ledger-message.js'
export {
  createLedgerPublisher,
  type LedgerPublisher,
  type LedgerPublisherCounters,
} from './ledger-publisher.js'
export type { LedgerPublisherOptions, MessageSource, PublishAllOptions } from './ledger-publisher-options.js'
export type { NextOptions, PacketInbox, PacketOf } from './packet-inbox.js'
export { createRawClient, type RawMqttClient, type RawMqttClientOptions } from './raw-client.js'
export { createRawSubscriber, type RawSubscriber, type RawSubscriberOptions } from './raw-subscriber.js'
