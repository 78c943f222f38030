import { doneWithin, withTimeout } from '@devicehub-internal/async'
import { ConnectionError, SLOT_LOST, unavailable } from '../connection/connection-error.js'
import { createLink, type Link } from '../connection/link.js'
import { rejectWhenEnded } from '../connection/link-ended.js'
import type { BrokerSettings } from '../settings/broker-settings.js'
import type { Inbox } from './inbox.js'
import type { SlotLease } from './slot-lease.js'

/**
 * Waits until no message is unacknowledged: true. False when no message has left the window for `timeout` milliseconds.
 */
export async function waitUntilEmpty(inbox: Inbox, timeout: number): Promise<boolean> {
  for (;;) {
    if (inbox.size === 0) return true
    const before = inbox.released
    await doneWithin(timeout, inbox.whenEmpty())
    if (inbox.size > 0 && inbox.released === before) return false
  }
}

/**
 * Receives the messages the broker still has for a session without subscriptions. MQTT does not tell the end of a queue.
 * It counts as empty when every message is acknowledged, the broker has read the acknowledgements (it has answered a
 * PINGREQ sent after them), and no further message has arrived for the quiet period.
 */
export async function drainQueue(link: Link, inbox: Inbox, settings: BrokerSettings): Promise<void> {
  const { drainTimeout, quietPeriod } = settings
  const ended = rejectWhenEnded(link, 'while the session was drained')
  for (;;) {
    if (!(await Promise.race([ended, waitUntilEmpty(inbox, drainTimeout)])))
      throw unavailable(`${inbox.size} messages were not stored within ${drainTimeout} ms`)
    const { taken } = inbox
    await Promise.race([ended, link.ping()])
    await withTimeout(quietPeriod, ended, () => {})
    if (inbox.taken === taken && inbox.size === 0) return
  }
}

/**
 * Disconnects and has the broker delete the session. MQTT 5: with session expiry 0. MQTT 3.1.1: with one more connection
 * that asks for a clean session.
 */
export async function endSession(
  link: Link,
  settings: BrokerSettings,
  clientId: string,
  slotLease?: SlotLease,
): Promise<void> {
  await link.end({ sessionExpiry: 0 })
  if (settings.protocolVersion === 5) return
  if (slotLease?.valid === false) throw new ConnectionError(SLOT_LOST)
  const cleanLink = createLink({ settings, clientId, clean: true, sessionExpiry: 0, onPublish: () => true })
  try {
    await cleanLink.open()
  } finally {
    await cleanLink.end()
  }
}
