export type { EndSessionsResult } from './client/end-sessions.js'
export type { ConnectionState } from './connection/keep-connected.js'
export type {
  MessageFromHandler,
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
export type { BrokerCounters } from './reporting/counters.js'
export type { ListenerHub } from './settings/listener-hub.js'
export type {
  BrokerOptions,
  ConnectEvent,
  DisconnectEvent,
  MqttListenerOptions,
  ReconnectOptions,
  SlotOptions,
} from './settings/options.js'
export type { SlotStats } from './slots/slot-keeper.js'
