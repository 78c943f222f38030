import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { OfflinePolicy } from '../model/device-type/offline-policy.js'
import type { DeviceStatus } from '../model/statuses.js'
import type {
  CommandClaimRequest,
  CommandProgress,
  CommandRecord,
  CreateOutcome,
  NewCommand,
} from '../ports/commands.js'
import { isReachable } from './states.js'

/** Milliseconds until an earlier command of the same device, which another caller has, should be out of the way. */
export const BLOCKED_MS = 200

/** Why the commands of a device that is deleted are cancelled. */
export const DEVICE_DELETED = 'the device was deleted'

/** Of a command that was just created. */
export const NEW_PROGRESS: CommandProgress = {
  state: 'queued',
  attempts: 0,
  sentAt: null,
  acceptedAt: null,
  finishedAt: null,
  result: null,
  reason: null,
}

/**
 * The row of a command that was just created, as its store gives it. `expiresAt`: by the clock of who will look at it.
 * Field by field: copying all but one is ten times as slow.
 */
export const newCommandRecord = (command: NewCommand, expiresAt: number): CommandRecord => ({
  id: command.id,
  typeKey: command.type.key,
  deviceId: command.deviceId,
  command: command.command,
  payload: command.payload,
  timeout: command.timeout,
  expiresIn: command.expiresIn,
  retries: command.retries,
  onOffline: command.onOffline,
  batch: command.batch,
  createdAt: command.createdAt,
  state: NEW_PROGRESS.state,
  attempts: NEW_PROGRESS.attempts,
  sentAt: NEW_PROGRESS.sentAt,
  acceptedAt: NEW_PROGRESS.acceptedAt,
  finishedAt: NEW_PROGRESS.finishedAt,
  result: NEW_PROGRESS.result,
  reason: NEW_PROGRESS.reason,
  expiresAt,
})

/** What is queued for a device before a command, and is not the caller's own. */
export interface QueuedAhead {
  /** There is one. */
  readonly any: boolean
  /** Some of it does not wait for the device (`onOffline: 'send'`). */
  readonly send: boolean
}

/**
 * Who waits behind whom: a command is published after all earlier ones of its device, but one that does not wait for the
 * device (`send`) does not wait behind those that do.
 */
export const isBlocked = (onOffline: OfflinePolicy, ahead: QueuedAhead): boolean =>
  onOffline === 'send' ? ahead.send : ahead.any

/** What new commands are judged by, in the transaction that writes them. */
export interface NewCommandRows {
  /** Null: there is none. */
  device(
    type: AnyDeviceType,
    deviceId: string,
  ): { readonly status: DeviceStatus; readonly isActive: boolean } | null
  /** Whether its condition (`NewCommand.within`) holds for its device. */
  isWithin(command: NewCommand): boolean
  /** Before the first of them. */
  ahead(type: AnyDeviceType, deviceId: string): QueuedAhead
}

/** What becomes of a new command. */
export interface JudgedCommand {
  /** As `CommandStore.create` gives it. */
  readonly outcome: CreateOutcome
  /** Milliseconds until it has to be looked at: the end of its claim, or when it expires unless its device comes. */
  readonly dueIn: number
}

/** The rules of `CommandStore.create`, for its commands in order: those that are queued are ahead of those that follow. */
export function judgeNewCommands(
  commands: readonly NewCommand[],
  rows: NewCommandRows,
  claim: CommandClaimRequest | null,
): JudgedCommand[] {
  const queued = new Map<string, QueuedAhead>()
  const refused = (outcome: CreateOutcome): JudgedCommand => ({ outcome, dueIn: 0 })
  return commands.map((command): JudgedCommand => {
    const { type, deviceId, onOffline, expiresIn } = command
    const device = rows.device(type, deviceId)
    if (device === null || !rows.isWithin(command)) return refused('device_not_found')
    if (!device.isActive) return refused('device_inactive')
    const reachable = isReachable(device.status)
    if (!reachable && onOffline === 'fail') return refused('device_offline')
    const goes = reachable || onOffline === 'send'
    const key = `${type.key}/${deviceId}`
    const ahead = queued.get(key) ?? rows.ahead(type, deviceId)
    if (goes && claim?.types.includes(type.key) && !isBlocked(onOffline, ahead))
      return { outcome: 'claimed', dueIn: claim.ttl }
    queued.set(key, { any: true, send: ahead.send || onOffline === 'send' })
    return { outcome: 'queued', dueIn: goes ? 0 : expiresIn }
  })
}
