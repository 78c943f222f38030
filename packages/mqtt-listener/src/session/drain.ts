import { setTimeout as sleep } from 'node:timers/promises'
import { createLink, type Link } from '../connection/link'
import { LinkError, SLOT_LOST, unavailable } from '../connection/link-error'
import type { BrokerSettings } from '../settings/options'
import type { Inbox } from './inbox'
import type { Tenure } from './slot-lease'

/** Resolves when the window is empty: true; or when it has not moved for `timeout` milliseconds: false. */
export async function settled(inbox: Inbox, timeout: number): Promise<boolean> {
  for (;;) {
    if (inbox.size === 0) return true
    const before = inbox.released
    await Promise.race([inbox.idle(), sleep(timeout, undefined, { ref: false })])
    if (inbox.size > 0 && inbox.released === before) return false
  }
}

/**
 * Takes what the broker still has for a session that is no longer subscribed to anything. MQTT has no mark for the end
 * of a queue: it counts as empty when everything taken is acknowledged, the broker has read the acknowledgements (it
 * answered a PINGREQ sent after them), and nothing more came for the quiet period.
 */
export async function drainQueue(link: Link, inbox: Inbox, settings: BrokerSettings): Promise<void> {
  const ended = link.closed.then(({ error, reasonCode }) => {
    const code = reasonCode === null ? '' : ` with reason 0x${reasonCode.toString(16)}`
    throw new LinkError(`the connection ended${code} while the session was drained`, { cause: error })
  })
  ended.catch(() => {})
  for (;;) {
    if (!(await Promise.race([ended, settled(inbox, settings.drainTimeout)])))
      throw unavailable(
        `${inbox.size} messages were not stored within ${settings.drainTimeout} ms; the session is kept, with them in it`,
      )
    const { taken } = inbox
    await Promise.race([ended, link.ping()])
    await Promise.race([ended, sleep(settings.quietPeriod)])
    if (inbox.taken === taken && inbox.size === 0) return
  }
}

/** Ends the session and closes: with MQTT 3.1.1 only a clean connection makes a broker forget one. */
export async function endSession(
  link: Link,
  settings: BrokerSettings,
  clientId: string,
  tenure?: Tenure,
): Promise<void> {
  await link.end({ sessionExpiry: 0 })
  if (settings.protocolVersion === 5) return
  if (tenure?.valid === false) throw new LinkError(SLOT_LOST)
  const eraser = createLink({ settings, clientId, clean: true, sessionExpiry: 0, onPublish: () => true })
  try {
    await eraser.open()
  } finally {
    await eraser.end()
  }
}
