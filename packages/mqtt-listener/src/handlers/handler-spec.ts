import { createHash } from 'node:crypto'
import { DeviceHubError, type OutboundMessage } from '@devicehub/core'
import { assertFilter, FORMER_GROUP, inGroup, type Subscriptions } from '../session/subscriptions'
import type { BrokerSettings } from '../settings/options'
import type { TopicHandler, TopicHandlerOptions } from './topic-handler'

/** A topic handler, checked: what its session is made of. */
export interface HandlerSpec {
  readonly filter: string
  /** Given, or a hash of the filter: part of the client id, and of what replays know the handler by. */
  readonly name: string
  readonly handler: TopicHandler
  readonly timeout: number
  /** At the handler's broker. */
  readonly publish: (message: OutboundMessage) => Promise<void>
  readonly subscriptions: Subscriptions
  /** Calls at once, and so messages at once. */
  readonly window: number
  /** The same for each run of a listener with that client id. */
  readonly clientIdOf: (listenerId: string) => string
}

const invalid = (message: string) => new DeviceHubError('invalid_options', message)

/** Throws `invalid_topic` or `invalid_options`. */
export function handlerSpec(
  filter: string,
  handler: TopicHandler,
  options: TopicHandlerOptions,
  { sharedGroup, slots }: BrokerSettings,
  publish: HandlerSpec['publish'],
): HandlerSpec {
  assertFilter(filter)
  const { qos = 1, timeout = 30_000, concurrency = 32, shared = true, name } = options
  const at = `the handler of "${filter}"`
  if (name === 'pub')
    throw invalid(`${at}: the name "pub" is taken by the connection that publishes; choose another`)
  // Slot 2 of the group `hub-1` is `hub-1-2`.
  if (slots !== null && name !== undefined && /^\d+$/.test(name))
    throw invalid(`${at}: name "${name}" reads like the number of a slot; add a letter`)
  const suffix = name ?? createHash('sha256').update(filter).digest('hex').slice(0, 8)
  return {
    filter,
    name: suffix,
    handler,
    timeout,
    publish,
    // A group of its own: in that of the device topics, a handler of such a topic would take the hub's messages away.
    subscriptions: {
      filters: [inGroup(filter, shared && sharedGroup ? `${sharedGroup}-${suffix}` : null)],
      qos,
      former: [inGroup(filter, `${FORMER_GROUP}-${suffix}`)],
    },
    window: concurrency,
    clientIdOf: (listenerId) => `${listenerId}-${suffix}`,
  }
}
