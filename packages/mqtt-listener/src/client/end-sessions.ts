import { asError, ConnectionError, SLOT_LOST, unavailable } from '../connection/connection-error.js'
import { createLink, type Link } from '../connection/link.js'
import type { HandlerSpec } from '../handlers/handler-spec.js'
import { drainQueue, endSession } from '../session/drain.js'
import { createDroppedQos0 } from '../session/dropped-qos0.js'
import { createInbox } from '../session/inbox.js'
import type { SlotLease } from '../session/slot-lease.js'
import type { BrokerContext } from './broker-context.js'
import {
  commonSessionOptions,
  deviceSessionPlan,
  handlerSessionPlan,
  type SessionPlan,
} from './session-plan.js'

/** What `endSessionsOf` found at the broker. */
export interface EndSessionsResult {
  /** Sessions found at the broker, of the device topics and of the topic handlers. */
  readonly sessions: number
  /** Messages received from these sessions. */
  readonly messages: number
}

/**
 * Empties the sessions of a process that will not come back: connects with its client id, unsubscribes, stores what the
 * broker has queued, and has the broker delete the sessions. For the client id of a slot it stops when `slotLease` ends.
 */
export async function endSessions(
  context: BrokerContext,
  clientId: string,
  specs: readonly HandlerSpec[],
  slotLease?: SlotLease,
): Promise<EndSessionsResult> {
  const stopping = new AbortController()
  const abortCalls = () => stopping.abort()
  slotLease?.ended.addEventListener('abort', abortCalls, { once: true })
  const plans = [
    deviceSessionPlan(context, clientId),
    ...specs.map((spec) => handlerSessionPlan(context, spec, clientId, stopping.signal)),
  ]
  let sessions = 0
  let messages = 0
  try {
    for (const plan of plans) {
      const received = await emptySession(context, plan, slotLease)
      if (received === null) continue
      sessions++
      messages += received
    }
  } finally {
    abortCalls()
  }
  context.hub.logger.info(
    { broker: context.settings.name, clientId, sessions, messages },
    `emptied and ended the sessions of client id ${clientId}`,
  )
  return { sessions, messages }
}

/**
 * Resolves with the number of messages received; null if the broker has no such session. A client that still uses the
 * session is disconnected by the broker [MQTT-3.1.4-3]. If it connects again meanwhile, this rejects.
 */
async function emptySession(
  context: BrokerContext,
  plan: SessionPlan,
  slotLease?: SlotLease,
): Promise<number | null> {
  const { settings, counters, now, logger } = commonSessionOptions(context)
  const { clientId, subscriptions, window, sink } = plan
  const { name, url, sessionExpiry, maxQueuedQos0 } = settings
  if (slotLease?.valid === false)
    throw unavailable(`cannot end the session ${clientId} at ${url}: ${SLOT_LOST}`)
  const source = `mqtt:${name}`
  const fields = { broker: name, url, clientId }
  const inbox = createInbox({
    sink,
    window,
    maxQueuedQos0,
    source,
    now,
    counters,
    slotLease,
    dropped: createDroppedQos0({ maxQueuedQos0, now, logger, fields }),
    onSettled() {},
  })
  const link: Link = createLink({
    settings,
    clientId,
    clean: false,
    sessionExpiry,
    receiveMaximum: window,
    onPublish: (packet, qos) => connectionInbox.take(packet, qos),
  })
  const connectionInbox = inbox.openConnection(link)
  void link.closed.then(connectionInbox.close)
  const dropConnection = () => {
    connectionInbox.close()
    link.drop(new ConnectionError(SLOT_LOST))
  }
  slotLease?.ended.addEventListener('abort', dropConnection)
  try {
    const { sessionPresent } = await link.open()
    if (sessionPresent) {
      await link.unsubscribe(subscriptions.filters)
      await drainQueue(link, inbox, settings)
      connectionInbox.flush()
    }
    await endSession(link, settings, clientId, slotLease)
    return sessionPresent ? inbox.taken : null
  } catch (error) {
    connectionInbox.flush()
    await link.end()
    throw unavailable(
      `cannot end the session ${clientId} at ${url}: ${asError(error).message}. Messages that were not stored are still in the session. Try again, unless its process is alive`,
      error,
    )
  } finally {
    slotLease?.ended.removeEventListener('abort', dropConnection)
  }
}
