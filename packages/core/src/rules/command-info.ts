import type { OfflinePolicy } from '../model/device-type/offline-policy.js'
import type { CommandState } from '../model/statuses.js'
import type { CommandRecord } from '../ports/commands.js'

/** A command as the ledger has it. */
export interface CommandInfo {
  /** The command's id in the ledger. */
  readonly id: string
  /** Key of the device's type. */
  readonly typeKey: string
  /** Of the device it is for. */
  readonly deviceId: string
  /** Name of the command. */
  readonly command: string
  /** As the device gets it, out of JSON; null without one. */
  readonly payload: unknown
  /** Where it is; from `succeeded` on nothing changes any more. */
  readonly state: CommandState
  /** As the device sent it; null unless it succeeded. */
  readonly result: unknown
  /** Why it did not succeed. */
  readonly reason: string | null
  /** Publications; more than one when it was tried again. */
  readonly attempts: number
  /** Publications that may follow the first when no final reply comes. */
  readonly retries: number
  /** Milliseconds from a publication to the final reply. */
  readonly timeoutMs: number
  /** What becomes of it while the device is not connected. */
  readonly onOffline: OfflinePolicy
  /** Of the bulk it belongs to. */
  readonly batch: string | null
  /** When it was put into the ledger. */
  readonly createdAt: Date
  /** After which it is not published any more. */
  readonly expiresAt: Date
  /** Of the last publication. */
  readonly sentAt: Date | null
  /** When the device said that it has it; null: it did not. */
  readonly acceptedAt: Date | null
  /** When it came to its end; null: not yet. */
  readonly finishedAt: Date | null
}

export function toCommandInfo(record: CommandRecord): CommandInfo {
  const date = (at: number | null) => (at === null ? null : new Date(at))
  return {
    id: record.id,
    typeKey: record.typeKey,
    deviceId: record.deviceId,
    command: record.command,
    payload: fromJson(record.payload),
    state: record.state,
    result: fromJson(record.result),
    reason: record.reason,
    attempts: record.attempts,
    retries: record.retries,
    timeoutMs: record.timeout,
    onOffline: record.onOffline,
    batch: record.batch,
    createdAt: new Date(record.createdAt),
    expiresAt: new Date(record.expiresAt),
    sentAt: date(record.sentAt),
    acceptedAt: date(record.acceptedAt),
    finishedAt: date(record.finishedAt),
  }
}

export const fromJson = (text: string | null): unknown => (text === null ? null : JSON.parse(text))
