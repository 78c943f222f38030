export type { AdoptResult } from './client/adopt.js'
export type { ConnectionState } from './connection/keep-connected.js'
export type {
  HandedMessage,
  TopicHandler,
  TopicHandlerContext,
  TopicHandlerOptions,
} from './handlers/topic-handler.js'
export type { BrokerStats, StopOptions, TopicSubscription } from './listener/broker.js'
export {
  createMqttListener,
  type MqttListener,
  type MqttListenerStats,
} from './listener/create-mqtt-listener.js'
export type { Counters } from './reporting/counters.js'
export type { ListenerHub } from './settings/listener-hub.js'
export type {
  BrokerConnected,
  BrokerDisconnected,
  BrokerOptions,
  MqttListenerOptions,
  ReconnectOptions,
  SlotOptions,
} from './settings/options.js'
export type { SlotStats } from './slots/slot-keeper.js'
