import { createLink, type Link } from '../connection/link'
import { asError, LinkError, SLOT_LOST, unavailable } from '../connection/link-error'
import type { HandlerSpec } from '../handlers/handler-spec'
import { drainQueue, endSession } from '../session/drain'
import { createInbox } from '../session/inbox'
import type { Tenure } from '../session/slot-lease'
import type { BrokerContext } from './broker-context'
import { deviceIntake, handlerIntake, type Intake, sessionBasis } from './client-sessions'

export interface AdoptResult {
  /** Sessions the broker still had: of the device topics and of each topic handler. */
  readonly sessions: number
  /** Messages taken from them. */
  readonly messages: number
}

/**
 * Takes over what runs under the client id of a replica that will not come back: connects under it, takes no new
 * messages, stores what the broker kept, and ends the sessions. Of a slot, `tenure` says how long that may go on.
 */
export async function adoptSessions(
  context: BrokerContext,
  deadId: string,
  specs: readonly HandlerSpec[],
  tenure?: Tenure,
): Promise<AdoptResult> {
  const abort = new AbortController()
  const end = () => abort.abort()
  tenure?.over.addEventListener('abort', end, { once: true })
  const adopted: (number | null)[] = []
  try {
    adopted.push(await adoptSession(context, deviceIntake(context, deadId), tenure))
    for (const spec of specs) {
      const intake = handlerIntake(context, spec, deadId, abort.signal)
      adopted.push(await adoptSession(context, intake, tenure))
    }
  } finally {
    end()
  }
  const found = adopted.filter((messages) => messages !== null)
  const result = { sessions: found.length, messages: found.reduce((sum, each) => sum + each, 0) }
  context.hub.logger.info(
    { broker: context.settings.name, clientId: deadId, ...result },
    'adopted the sessions of a replica',
  )
  return result
}

/**
 * One of them. Resolves with the number of messages; null if there was no session. Whoever still holds the session
 * loses its connection [MQTT-3.1.4-3], and its return makes this reject.
 */
async function adoptSession(context: BrokerContext, intake: Intake, tenure?: Tenure): Promise<number | null> {
  const { settings, counters, now } = sessionBasis(context)
  const { clientId, subscriptions, window, consumer } = intake
  const { name, url, sessionExpiry, qos0Buffer } = settings
  if (tenure?.valid === false)
    throw unavailable(`cannot adopt the session ${clientId} at ${url}: ${SLOT_LOST}`)
  const source = `mqtt:${name}`
  const inbox = createInbox({ consumer, window, qos0Buffer, source, now, counters, tenure })
  const link: Link = createLink({
    settings,
    clientId,
    clean: false,
    sessionExpiry,
    receiveMaximum: window,
    onPublish: (packet, qos) => epoch.take(packet, qos),
  })
  const epoch = inbox.openEpoch(link)
  void link.closed.then(epoch.close)
  const cut = () => {
    epoch.close()
    link.drop(new LinkError(SLOT_LOST))
  }
  tenure?.over.addEventListener('abort', cut)
  try {
    const { sessionPresent } = await link.open()
    if (sessionPresent) {
      await link.unsubscribe(subscriptions.filters)
      await drainQueue(link, inbox, settings)
      epoch.flush()
    }
    await endSession(link, settings, clientId, tenure)
    return sessionPresent ? inbox.taken : null
  } catch (error) {
    epoch.flush()
    await link.end()
    throw unavailable(
      `cannot adopt the session ${clientId} at ${url}: ${asError(error).message}. What was not stored is still in it; try again, unless its holder is alive`,
      error,
    )
  } finally {
    tenure?.over.removeEventListener('abort', cut)
  }
}
