export type { AdoptResult } from './adopt.js'
export type { BrokerStats, StopOptions, TopicSubscription } from './broker.js'
export type { BrokerConnected, BrokerDisconnected } from './connection-events.js'
export type { Counters } from './counters.js'
export { createMqttListener, type MqttListener, type MqttListenerStats } from './create-mqtt-listener.js'
export type { ConnectionState } from './keep-connected.js'
export type { ListenerHub } from './listener-hub.js'
export type { BrokerOptions, MqttListenerOptions, ReconnectOptions, SlotOptions } from './options.js'
export type { SlotStats } from './slot-keeper.js'
export type {
  HandedMessage,
  TopicHandler,
  TopicHandlerContext,
  TopicHandlerOptions,
} from './topic-handler.js'
