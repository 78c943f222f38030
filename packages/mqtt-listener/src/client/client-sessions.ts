import { asError } from '../connection/connection-error.js'
import type { HandlerSpec } from '../handlers/handler-spec.js'
import { createSession, type Session } from '../session/session.js'
import type { SlotLease } from '../session/slot-lease.js'
import type { BrokerContext } from './broker-context.js'
import { commonSessionOptions, deviceSessionPlan, handlerSessionPlan } from './session-plan.js'

/** A topic handler of a listener. With slots, its session moves with each slot the process holds. */
export interface RegisteredHandler {
  readonly spec: HandlerSpec
  /** Called when the broker has granted the subscription. */
  readonly granted: () => void
  /** Called when no attempt to subscribe can succeed. */
  readonly refused: (error: Error) => void
  /** Aborted when the application removes the handler. */
  readonly removed: AbortSignal
}

/** The sessions that belong to one client id: one for the device topics, and one for each topic handler. */
export interface ClientSessions {
  /** The first is that of the device topics. */
  readonly sessions: readonly Session[]
  readonly lastError: Error | null
  start(): void
  /** Resolves when all are connected and subscribed. Rejects when no attempt can succeed. */
  ready(): Promise<void>
  add(handler: RegisteredHandler): void
  /** Handles the messages that are queued for the handler, and then has the broker delete its session. */
  remove(handler: RegisteredHandler): Promise<void>
  /** Settles what was received and disconnects. With `endSession` the sessions are emptied and deleted at the broker. */
  stop(endSession: boolean): Promise<void>
}

export interface ClientSessionsOptions {
  readonly context: BrokerContext
  readonly clientId: string
  /** The handlers that start together with the device topics. */
  readonly handlers: () => Iterable<RegisteredHandler>
  readonly slotLease?: SlotLease
  /** An earlier holder of the slot has left its session at the broker. Default false. */
  readonly resumes?: boolean
}

export function createClientSessions(options: ClientSessionsOptions): ClientSessions {
  const { context, clientId, handlers, slotLease, resumes = false } = options
  const { connections } = context
  const common = { ...commonSessionOptions(context), slotLease }
  const devices = createSession({ ...common, ...deviceSessionPlan(context, clientId), resumes, connections })
  const running = new Map<RegisteredHandler, { readonly session: Session; readonly abortCalls: () => void }>()

  function add(handler: RegisteredHandler): void {
    const stopping = new AbortController()
    const abortCalls = () => stopping.abort()
    slotLease?.ended.addEventListener('abort', abortCalls, { once: true, signal: stopping.signal })
    const plan = handlerSessionPlan(context, handler.spec, clientId, stopping.signal)
    const session = createSession({ ...common, ...plan })
    running.set(handler, { session, abortCalls })
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
        found?.abortCalls()
      }
    },
    async stop(endSession) {
      const results = await Promise.allSettled(
        sessions().map((session) => (endSession ? session.leave() : session.stop())),
      )
      for (const { abortCalls } of running.values()) abortCalls()
      const failed = results.find((result) => result.status === 'rejected')
      if (failed !== undefined) throw failed.reason
    },
  }
}
