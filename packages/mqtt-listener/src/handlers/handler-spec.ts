import { createHash } from 'node:crypto'
import { DeviceHubError } from '@devicehub/core'
import type { InMilliseconds } from '@devicehub/core/check'
import type { OutboundMessage } from '@devicehub/core/transport'
import { assertFilter, FORMER_GROUP, inGroup, type Subscriptions } from '../session/subscriptions.js'
import type { BrokerSettings } from '../settings/broker-settings.js'
import type { TopicHandler, TopicHandlerOptions } from './topic-handler.js'

/** A topic handler with its options, checked and with defaults. */
export interface HandlerSpec {
  readonly filter: string
  /** The option `name`, or a hash of the filter. */
  readonly name: string
  readonly handler: TopicHandler
  readonly timeout: number
  /** Publishes to the handler's broker. */
  readonly publish: (message: OutboundMessage) => Promise<void>
  readonly subscriptions: Subscriptions
  /** The option `concurrency`: the session has at most so many unacknowledged messages. */
  readonly window: number
  /** The client id of the handler's session, from the listener's. */
  readonly clientIdOf: (listenerId: string) => string
}

const invalid = (message: string) => new DeviceHubError('invalid_options', message)

/** Throws `invalid_topic` or `invalid_options`. */
export function handlerSpec(
  filter: string,
  handler: TopicHandler,
  options: InMilliseconds<TopicHandlerOptions>,
  { sharedGroup, slots }: BrokerSettings,
  publish: HandlerSpec['publish'],
): HandlerSpec {
  assertFilter(filter)
  const { qos = 1, timeout = 30_000, concurrency = 32, shared = true } = options
  assertName(filter, options.name, slots !== null)
  const name = options.name ?? createHash('sha256').update(filter).digest('hex').slice(0, 8)
  // Each handler has a group of its own. In the group of the device topics it would take messages away from the hub.
  const group = shared && sharedGroup ? `${sharedGroup}-${name}` : null
  return {
    filter,
    name,
    handler,
    timeout,
    publish,
    subscriptions: {
      filters: [inGroup(filter, group)],
      qos,
      formerFilters: [inGroup(filter, `${FORMER_GROUP}-${name}`)],
    },
    window: concurrency,
    clientIdOf: (listenerId) => `${listenerId}-${name}`,
  }
}

/** The client id of the handler's session must not be one of the publisher or of a slot. */
function assertName(filter: string, name: string | undefined, withSlots: boolean): void {
  const at = `the handler of "${filter}"`
  if (name === 'pub')
    throw invalid(
      `${at}: the client id that ends in -pub is that of the connection that publishes; choose a name other than "pub"`,
    )
  // Slot 2 of the group `hub-1` has the client id `hub-1-2`.
  if (withSlots && name !== undefined && /^\d+$/.test(name))
    throw invalid(
      `${at}: name "${name}" looks like the number of a slot, and client ids of slots end in a number; add a letter`,
    )
}
