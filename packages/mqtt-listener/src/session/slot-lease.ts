import { setMaxListeners } from 'node:events'
import type { HeldLease, LeaseFence } from '@devicehub/core'

/** The time in which this process holds a slot: what runs under the slot's client id runs no longer than this. */
export interface Tenure {
  /** Goes with each message. */
  readonly fence: LeaseFence
  /** Whether the slot surely is held now. */
  readonly valid: boolean
  /** Aborted when it is over. */
  readonly over: AbortSignal
  /** It was found to be over: a commit was refused. */
  end(): void
}

/** Resolves when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** It is over when the lease is lost, when one of the signals is aborted, or when `end()` is called. */
export function createTenure(lease: HeldLease, ...signals: readonly AbortSignal[]): Tenure {
  const ended = new AbortController()
  // Each session and each topic handler listens: not a leak.
  setMaxListeners(0, ended.signal)
  const end = () => ended.abort()
  for (const signal of [lease.lost, ...signals])
    if (signal.aborted) end()
    else signal.addEventListener('abort', end, { once: true, signal: ended.signal })
  return {
    fence: lease.fence,
    over: ended.signal,
    get valid() {
      return lease.valid && !ended.signal.aborted
    },
    end,
  }
}
