import { drainQueue, endSession } from './drain.js'
import { createInbox } from './inbox.js'
import { createLink, type Link } from './link.js'
import { asError, unavailable } from './link-error.js'
import type { SessionOptions } from './session.js'

/**
 * Takes over the session of a replica that will not come back: connects under its client id, takes no new messages,
 * stores what the broker kept for it, and ends it. Resolves with the number of messages; null if there was no session.
 * Whoever still holds the session loses its connection [MQTT-3.1.4-3], and its return makes this reject.
 */
export async function adoptSession(options: Omit<SessionOptions, 'logger'>): Promise<number | null> {
  const { settings, clientId, subscriptions, window, consumer, counters, now } = options
  const { name, url, sessionExpiry, qos0Buffer } = settings
  const inbox = createInbox({ consumer, window, qos0Buffer, source: `mqtt:${name}`, now, counters })
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
  try {
    const { sessionPresent } = await link.open()
    if (sessionPresent) {
      await link.unsubscribe(subscriptions.filters)
      await drainQueue(link, inbox, settings)
      epoch.flush()
    }
    await endSession(link, settings, clientId)
    return sessionPresent ? inbox.taken : null
  } catch (error) {
    epoch.flush()
    await link.end()
    throw unavailable(
      `cannot adopt the session ${clientId} at ${url}: ${asError(error).message}. What was not stored is still in it; try again, unless its holder is alive`,
      error,
    )
  }
}
