export type { AedesHooks } from './brokers/aedes.js'
export type { AedesBroker, AedesClient } from './brokers/aedes-broker.js'
export type { RabbitMqOptions } from './brokers/rabbitmq.js'
export { type BrokerName, brokerConfig } from './config/broker-config.js'
export type { BrokerConfigOptions } from './config/broker-config-options.js'
export type { ConfigTarget } from './config/config-target.js'
export { type BrokerAuth, type BrokerAuthStats, createBrokerAuth } from './create-broker-auth.js'
export type { DeciderStats } from './decider.js'
export type {
  AccessRequest,
  Account,
  Decider,
  Decision,
  Grants,
  LoginDecision,
  LoginRequest,
} from './decision.js'
export { listenerGrants } from './listener-grants.js'
export type {
  AccessRule,
  AccountLogin,
  AccountLookup,
  BrokerAuthOptions,
  CallerOptions,
  ClientIdRule,
  DeciderOptions,
  StaticAccount,
} from './options.js'
