import { isDeviceHubError } from '../model/errors.js'
import type { OutboundMessage } from '../ports/transport.js'

/** A publication that the broker may have taken: the device may have executed its command. */
export interface UnconfirmedPublication {
  readonly message: OutboundMessage
  /** Epoch milliseconds by the hub's clock. */
  readonly at: number
}

/** The first unconfirmed publication of each command that is still queued, as far as this process knows. */
export interface Unconfirmed {
  /** A publication failed: it is remembered if the transport says that the outcome is unknown. */
  failed(commandId: string, publication: UnconfirmedPublication, error: unknown): void
  get(commandId: string): UnconfirmedPublication | undefined
  forget(commandId: string): void
}

/** Commands remembered; past it the oldest is forgotten, which then expires with a less exact reason. */
const MAX = 1_000

export function createUnconfirmed(): Unconfirmed {
  const byId = new Map<string, UnconfirmedPublication>()
  return {
    failed(commandId, publication, error) {
      if (!isDeviceHubError(error) || error.details.outcome !== 'unknown' || byId.has(commandId)) return
      const [oldest] = byId.keys()
      if (oldest !== undefined && byId.size >= MAX) byId.delete(oldest)
      byId.set(commandId, publication)
    },
    get: (commandId) => byId.get(commandId),
    forget: (commandId) => void byId.delete(commandId),
  }
}
