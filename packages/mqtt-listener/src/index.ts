export type { AdoptResult } from './client/adopt'
export type { ConnectionState } from './connection/keep-connected'
export type {
  HandedMessage,
  TopicHandler,
  TopicHandlerContext,
  TopicHandlerOptions,
} from './handlers/topic-handler'
export type { BrokerStats, StopOptions, TopicSubscription } from './listener/broker'
export {
  createMqttListener,
  type MqttListener,
  type MqttListenerStats,
} from './listener/create-mqtt-listener'
export type { BrokerConnected, BrokerDisconnected } from './reporting/connection-events'
export type { Counters } from './reporting/counters'
export type { ListenerHub } from './settings/listener-hub'
export type { BrokerOptions, MqttListenerOptions, ReconnectOptions, SlotOptions } from './settings/options'
export type { SlotStats } from './slots/slot-keeper'
