import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { OfflinePolicy } from '../model/device-type/offline-policy.js'
import type { Condition } from '../model/selector/condition.js'
import type { CommandState } from '../model/statuses.js'
import type { Page, PageRequest } from './page.js'

/**
 * The ledger of commands. What becomes of a command after its creation is written by `Storage.commit`
 * (`CommitEntry.command`). Whether something is due goes by the database's clock, never by a process's; the recorded
 * times are the hub's.
 */
export interface CommandStore {
  /**
   * Writes commands as `queued`, in order, in one transaction that also looks at their devices. With `claim`, one that
   * can be published now is claimed for the caller: its type is among `claim.types`, its device is reachable (or it is
   * of `send`), and no earlier one of its device waits that is not the caller's own. One for a device that is not waits until the device is, or it expires.
   */
  create(
    commands: readonly NewCommand[],
    claim: CommandClaimRequest | null,
  ): Promise<readonly CreateOutcome[]>
  /** Those that exist, in any order; `within` as in a filter. */
  find(ids: readonly string[], within?: readonly DevicesOfType[]): Promise<readonly CommandRecord[]>
  /** Newest first. */
  list(filter: CommandFilter, page: PageRequest): Promise<Page<CommandRecord>>
  /**
   * Gives out what is due: queued ones that can be published, queued ones that have expired, sent and accepted ones
   * whose time is over. Each to one caller, for `ttl` milliseconds; whoever does not get done loses it to another one.
   * What has to be published (queued and not expired, or sent with attempts left) only if its type is among `types`.
   * A queued one is given out only together with, or after, all earlier queued ones of its device, or while they are
   * the caller's own. In order of creation. Only what was due is given out, not what the caller has already.
   */
  claimDue(request: CommandClaimRequest & { readonly limit: number }): Promise<readonly CommandRecord[]>
  /** Gives claimed ones back: due again after `delay` milliseconds. Those whose claim is another by now are left alone. */
  release(claim: string, ids: readonly string[], delay: number): Promise<void>
  /** The queued ones of devices that have become reachable beside ingest are due from now on. */
  wake(type: AnyDeviceType, deviceIds: readonly string[]): Promise<void>
}

/** Devices of a type. */
export interface DevicesOfType {
  /** Of which the devices are. */
  readonly type: AnyDeviceType
  /** Those for which it holds. */
  readonly condition: Condition
}

/** A command before it is in the ledger. */
export interface NewCommand {
  /** Unique; 1 to 64 characters. */
  readonly id: string
  /** Type of the device. */
  readonly type: AnyDeviceType
  /** Id of the device. */
  readonly deviceId: string
  /** Name of the command. */
  readonly command: string
  /** JSON text of what the device gets; null for none. */
  readonly payload: string | null
  /** Milliseconds from a publication to the final reply. */
  readonly timeout: number
  /** Milliseconds from now until it must not be published any more. */
  readonly expiresIn: number
  /** How often it is published again when no reply came. */
  readonly retries: number
  /** What becomes of it while the device is not connected. */
  readonly onOffline: OfflinePolicy
  /** Of the bulk it belongs to. */
  readonly batch: string | null
  /** Epoch milliseconds by the hub's clock. */
  readonly createdAt: number
  /** `device_not_found` unless it holds for the device when the command is written. */
  readonly within?: Condition
}

/** Who takes commands to publish, and for how long. */
export interface CommandClaimRequest {
  /** Who claims: unique for this run of a process. What it has claimed before and not done with yet is its own too. */
  readonly claim: string
  /** Milliseconds. */
  readonly ttl: number
  /** Keys of the types whose devices the caller can publish to. */
  readonly types: readonly string[]
}

/** `queued`: somebody else publishes it, now or later. Of the other three no row is written. */
export type CreateOutcome = 'claimed' | 'queued' | 'device_not_found' | 'device_inactive' | 'device_offline'

/** A command as the ledger has it. Times are epoch milliseconds. */
export interface CommandRecord extends Omit<NewCommand, 'type' | 'expiresIn' | 'within'>, CommandProgress {
  /** Of the device's type. */
  readonly typeKey: string
  /** By the hub's clock: `createdAt` and the time it was given. */
  readonly expiresAt: number
  /** Milliseconds from this look until it must not be published any more, by the database's clock; 0 or below: over. */
  readonly expiresIn: number
}

/** The part of a command that changes. Times by the hub's clock. */
export interface CommandProgress {
  /** From `succeeded` on nothing changes any more. */
  readonly state: CommandState
  /** Publications. */
  readonly attempts: number
  /** Of the last publication. */
  readonly sentAt: number | null
  /** When the device said that it has it; null: it did not. */
  readonly acceptedAt: number | null
  /** When it came to its end; null: not yet. */
  readonly finishedAt: number | null
  /** JSON text; null unless it succeeded with a result. */
  readonly result: string | null
  /** Why it did not succeed. */
  readonly reason: string | null
}

/** Which commands; what is absent does not count. */
export interface CommandFilter {
  /** Of one type. */
  readonly typeKey?: string
  /** Of one device. */
  readonly deviceId?: string
  /** In any of these. */
  readonly states?: readonly CommandState[]
  /** Of one name. */
  readonly command?: string
  /** Of one bulk. */
  readonly batch?: string
  /**
   * Only of these devices, each of which exists, and only what was created since the device was.
   */
  readonly within?: readonly DevicesOfType[]
}

/** What an entry of a commit says of a command; `applyCommandChange` says what becomes of it. */
export interface CommandChange {
  /** Of the command. */
  readonly id: string
  /** The state it is to be in. */
  readonly to: Exclude<CommandState, 'queued'>
  /** Only from these states. A reply is taken from any that is not final. */
  readonly from: readonly CommandState[]
  /** Only while it was published so many times. */
  readonly attempts?: number
  /** By the hub's clock. */
  readonly at: number
  /** JSON text; absent: as it was. */
  readonly result?: string | null
  /** Why it did not succeed; absent: as it was. */
  readonly reason?: string | null
  /** Of `sent`: milliseconds from now until it is looked at again. */
  readonly dueIn?: number
  /** The device's reply: recorded also when it changes nothing. Otherwise the entry is left out then. */
  readonly reply: boolean
}

/** What became of a change. */
export interface CommandOutcome {
  /** False: it changed nothing. */
  readonly applied: boolean
  /** After it; null when there is no such command of this device. */
  readonly record: CommandRecord | null
  /** A flag for the audit row of a reply: `late_reply`, `repeated_reply`, `unknown_command`. */
  readonly flag: string | null
}
