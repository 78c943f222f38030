import type { ConnectionEvents } from '../reporting/connection-events'
import type { Counters } from '../reporting/counters'
import type { ListenerHub } from '../settings/listener-hub'
import type { BrokerSettings } from '../settings/options'

/** What everything that belongs to one broker of a listener works with. */
export interface BrokerContext {
  readonly hub: ListenerHub
  readonly settings: BrokerSettings
  readonly counters: Counters
  readonly connections: ConnectionEvents
}
