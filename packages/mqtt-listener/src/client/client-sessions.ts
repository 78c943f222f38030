import { asError } from '../connection/link-error'
import { createHandlerCall } from '../handlers/handler-call'
import type { HandlerSpec } from '../handlers/handler-spec'
import { createHandlerConsumer } from '../handlers/topic-handler'
import { createSession, type Session, type SessionOptions } from '../session/session'
import type { Tenure } from '../session/slot-lease'
import { typeSubscriptions } from '../session/subscriptions'
import type { BrokerContext } from './broker-context'

/** A topic handler of a listener, whatever client id it runs under at the time. */
export interface RegisteredHandler {
  readonly spec: HandlerSpec
  readonly granted: () => void
  readonly refused: (error: Error) => void
  /** Aborted when it is taken away. */
  readonly removed: AbortSignal
}

/** What runs under one client id: the session of the device topics and one for each topic handler. */
export interface ClientSessions {
  /** That of the device topics is the first. */
  readonly sessions: readonly Session[]
  readonly lastError: Error | null
  start(): void
  /** Resolves when all are connected and subscribed. Rejects when no attempt can succeed. */
  ready(): Promise<void>
  add(handler: RegisteredHandler): void
  /** What is queued for the handler is handled, then the broker forgets its session. */
  remove(handler: RegisteredHandler): Promise<void>
  /** Drains and disconnects; with `leave` the sessions are emptied and ended. */
  stop(leave: boolean): Promise<void>
}

/** What a session takes and who takes it. */
export type Intake = Pick<SessionOptions, 'clientId' | 'subscriptions' | 'window' | 'consumer'>

export function deviceIntake({ hub, settings }: BrokerContext, clientId: string): Intake {
  const subscriptions = typeSubscriptions(hub.types, hub.topicPrefix, settings)
  return { clientId, subscriptions, window: settings.window, consumer: hub.ingest }
}

/** `stopping` lets go of calls that are still running. */
export function handlerIntake(
  { hub, settings, counters }: BrokerContext,
  spec: HandlerSpec,
  clientId: string,
  stopping: AbortSignal,
): Intake {
  const { subscriptions, window, filter, name } = spec
  const call = createHandlerCall({ ...spec, hub, stopping })
  const consumer = createHandlerConsumer({
    filter,
    name,
    call,
    hub,
    broker: settings.name,
    counters,
    stopping,
  })
  return { clientId: spec.clientIdOf(clientId), subscriptions, window, consumer }
}

/** What all sessions of a broker have in common. */
export const sessionBasis = ({ hub, settings, counters }: BrokerContext) => ({
  settings,
  counters,
  logger: hub.logger,
  now: () => hub.clock.now(),
})

export function createClientSessions(
  context: BrokerContext,
  clientId: string,
  handlers: () => Iterable<RegisteredHandler>,
  { tenure, resumes = false }: { readonly tenure?: Tenure; readonly resumes?: boolean } = {},
): ClientSessions {
  const basis = { ...sessionBasis(context), tenure }
  const { connections } = context
  const devices = createSession({ ...basis, ...deviceIntake(context, clientId), resumes, connections })
  const running = new Map<RegisteredHandler, { readonly session: Session; readonly end: () => void }>()

  function add(handler: RegisteredHandler): void {
    const abort = new AbortController()
    const end = () => abort.abort()
    tenure?.over.addEventListener('abort', end, { once: true, signal: abort.signal })
    const intake = handlerIntake(context, handler.spec, clientId, abort.signal)
    const session = createSession({ ...basis, ...intake })
    running.set(handler, { session, end })
    session.start()
    session.ready().then(handler.granted, (error) => handler.refused(asError(error)))
  }

  const sessions = () => [devices, ...[...running.values()].map(({ session }) => session)]

  return {
    get sessions() {
      return sessions()
    },
    get lastError() {
      return sessions().find(({ lastError }) => lastError !== null)?.lastError ?? null
    },
    start() {
      devices.start()
      for (const handler of handlers()) add(handler)
    },
    async ready() {
      await Promise.all(sessions().map((session) => session.ready()))
    },
    add,
    async remove(handler) {
      const found = running.get(handler)
      running.delete(handler)
      try {
        await found?.session.leave()
      } finally {
        found?.end()
      }
    },
    async stop(leave) {
      const results = await Promise.allSettled(
        sessions().map((session) => (leave ? session.leave() : session.stop())),
      )
      for (const { end } of running.values()) end()
      const failed = results.find((result) => result.status === 'rejected')
      if (failed !== undefined) throw failed.reason
    },
  }
}
