import { createHandlerCall } from '../handlers/handler-call.js'
import { createHandlerSink } from '../handlers/handler-sink.js'
import type { HandlerSpec } from '../handlers/handler-spec.js'
import type { SessionOptions } from '../session/session.js'
import { typeSubscriptions } from '../session/subscriptions.js'
import type { BrokerContext } from './broker-context.js'

/** What distinguishes one session of a client from another: what it receives, and what takes its messages. */
export type SessionPlan = Pick<SessionOptions, 'clientId' | 'subscriptions' | 'window' | 'sink'>

/** The device topics, received by the hub. */
export function deviceSessionPlan({ hub, settings }: BrokerContext, clientId: string): SessionPlan {
  const subscriptions = typeSubscriptions(hub.types, hub.topicPrefix, settings)
  return { clientId, subscriptions, window: settings.receiveMaximum, sink: hub.ingest }
}

/** The topics of a topic handler. When `stopping` is aborted, calls that still run have failed. */
export function handlerSessionPlan(
  { hub, settings, counters }: BrokerContext,
  spec: HandlerSpec,
  clientId: string,
  stopping: AbortSignal,
): SessionPlan {
  const { subscriptions, window, filter, name } = spec
  const call = createHandlerCall({ ...spec, hub, stopping })
  const sink = createHandlerSink({ filter, name, call, hub, broker: settings.name, counters, stopping })
  return { clientId: spec.clientIdOf(clientId), subscriptions, window, sink }
}

/** The same for all sessions of a broker. */
export const commonSessionOptions = ({ hub, settings, counters, outages }: BrokerContext) => ({
  settings,
  counters,
  outages,
  logger: hub.logger,
  now: () => hub.clock.now(),
})
