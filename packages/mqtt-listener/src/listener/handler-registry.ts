import { DeviceHubError } from '@devicehub/core'
import type { InMilliseconds } from '@devicehub/core/check'
import type { OutboundMessage } from '@devicehub/core/transport'
import { deferred } from '@devicehub-internal/async'
import type { RegisteredHandler } from '../client/client-sessions.js'
import { createHandlerCall } from '../handlers/handler-call.js'
import { handlerSpec } from '../handlers/handler-spec.js'
import type { TopicHandler, TopicHandlerOptions } from '../handlers/topic-handler.js'
import type { BrokerSettings } from '../settings/broker-settings.js'
import type { ListenerHub } from '../settings/listener-hub.js'

/** A handler and what the application gets for it. */
export interface Registration {
  readonly handler: RegisteredHandler
  /** Settles when its subscription is granted, or can never be. */
  readonly ready: Promise<void>
  /** Whether `ready` is settled. */
  settled(): boolean
  /** False: it was removed before. */
  remove(): boolean
}

/** The topic handlers of one broker, by the client ids of their sessions. */
export interface HandlerRegistry {
  add(filter: string, handler: TopicHandler, options: InMilliseconds<TopicHandlerOptions>): Registration
  has(clientId: string): boolean
  all(): readonly RegisteredHandler[]
  /** Lets the hub replay messages through the handler, until it is removed or `stopped` is aborted. */
  attachForReplay(handler: RegisteredHandler, stopped: AbortSignal): void
}

export function createHandlerRegistry(
  hub: ListenerHub,
  settings: BrokerSettings,
  publish: (message: OutboundMessage) => Promise<void>,
): HandlerRegistry {
  const { clientId, name: broker } = settings
  const handlers = new Map<string, RegisteredHandler>()

  return {
    add(filter, fn, options) {
      const spec = handlerSpec(filter, fn, options, settings, publish)
      const id = spec.clientIdOf(clientId)
      if (handlers.has(id))
        throw new DeviceHubError(
          'invalid_options',
          `"${filter}" already has a handler; give this one a \`name\``,
        )
      const ready = deferred()
      let settled = false
      const removal = new AbortController()
      const handler: RegisteredHandler = {
        spec,
        granted() {
          settled = true
          ready.resolve()
        },
        refused(error) {
          settled = true
          ready.reject(error)
        },
        removed: removal.signal,
      }
      handlers.set(id, handler)
      return {
        handler,
        ready: ready.promise,
        settled: () => settled,
        remove() {
          removal.abort()
          return handlers.get(id) === handler && handlers.delete(id)
        },
      }
    },
    has: (id) => handlers.has(id),
    all: () => [...handlers.values()],
    attachForReplay({ spec, removed }, stopped) {
      const { name, filter } = spec
      const ending = new AbortController()
      const run = createHandlerCall({ ...spec, hub, stopping: ending.signal })
      const detach = hub.attachHandler({ source: `mqtt:${broker}`, name, filter, run })
      const end = () => {
        detach()
        ending.abort()
      }
      stopped.addEventListener('abort', end, { once: true, signal: ending.signal })
      removed.addEventListener('abort', end, { once: true, signal: ending.signal })
    },
  }
}
