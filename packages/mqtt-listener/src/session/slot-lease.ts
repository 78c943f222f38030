import { setMaxListeners } from 'node:events'
import type { LeaseFence } from '@devicehub/core/storage'
import type { HeldLease } from '@devicehub/core/transport'

/**
 * The lease of the slot whose client id a session uses. The session must not outlive it: afterwards another process may
 * connect with that client id.
 */
export interface SlotLease {
  /** Sent with each message: the database refuses the message once another process holds the lease. */
  readonly fence: LeaseFence
  /** True only while the lease is certainly held. */
  readonly valid: boolean
  /** Aborted when the lease has ended. */
  readonly ended: AbortSignal
  /** Ends it: the database has refused a message. */
  end(): void
}

/** Ends when the held lease is lost, when one of the signals is aborted, or with `end()`. */
export function createSlotLease(lease: HeldLease, ...signals: readonly AbortSignal[]): SlotLease {
  const ending = new AbortController()
  // Each session and each topic handler adds a listener. Without this, Node would warn of a leak.
  setMaxListeners(0, ending.signal)
  const end = () => ending.abort()
  for (const signal of [lease.lost, ...signals]) {
    if (signal.aborted) end()
    else signal.addEventListener('abort', end, { once: true, signal: ending.signal })
  }
  return {
    fence: lease.fence,
    ended: ending.signal,
    get valid() {
      return lease.valid && !ending.signal.aborted
    },
    end,
  }
}
