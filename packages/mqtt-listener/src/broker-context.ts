import type { ConnectionEvents } from './connection-events.js'
import type { Counters } from './counters.js'
import type { ListenerHub } from './listener-hub.js'
import type { BrokerSettings } from './options.js'

/** What everything that belongs to one broker of a listener works with. */
export interface BrokerContext {
  readonly hub: ListenerHub
  readonly settings: BrokerSettings
  readonly counters: Counters
  readonly connections: ConnectionEvents
}
