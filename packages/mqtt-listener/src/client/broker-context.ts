import type { ConnectionEvents } from '../reporting/connection-events.js'
import type { BrokerCounters } from '../reporting/counters.js'
import type { OutageLog } from '../reporting/outage-log.js'
import type { BrokerSettings } from '../settings/broker-settings.js'
import type { ListenerHub } from '../settings/listener-hub.js'

/** Used by everything that belongs to one broker of a listener. */
export interface BrokerContext {
  readonly hub: ListenerHub
  readonly settings: BrokerSettings
  readonly counters: BrokerCounters
  readonly connections: ConnectionEvents
  readonly outages: OutageLog
}
