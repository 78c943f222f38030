import type { AnyDeviceType, UnknownDevicePolicy } from '../model/device-type/device-type.js'
import type { Clock } from '../ports/clock.js'
import type { CommandChange } from '../ports/commands.js'
import type { Storage } from '../ports/storage.js'
import { newDeviceRecord } from '../rules/device-row.js'
import type { DecidedMessage } from './decided-message.js'
import type { DeviceDirectory, KnownDevice } from './device-directory.js'
import type { Refusal } from './ingest.js'
import { isSignOfLife, NO_CHANGE, planDeviceRow, planSession } from './plan-device-row.js'
import { type MessageRefusal, refusalOf } from './refusal.js'
import type { TakenMessage } from './taken-message.js'

export interface DeciderOptions {
  readonly storage: Storage
  readonly directory: DeviceDirectory
  readonly clock: Clock
  readonly unknownDevice: (type: AnyDeviceType) => UnknownDevicePolicy
  /** Milliseconds between two writes of `last_seen` of a device that only sends data. */
  readonly lastSeenEvery: number
  readonly findCommands: FindCommands
}

/** Looks up the commands of replies, for a batch at once. */
export type FindCommands = (replies: readonly TakenMessage[]) => Promise<DecideReply>

/** What a reply whose command was looked up does to it. */
export type DecideReply = (reply: TakenMessage) => DecidedReply

export type DecidedReply =
  | { readonly refusal: Refusal }
  | { readonly command: CommandChange; readonly flag: string | null }

export interface Decider {
  /** Everything is looked up before the first is decided: can be called again for the same messages, or some of them. */
  decide(taken: readonly TakenMessage[]): Promise<readonly DecidedMessage[]>
  /** Of one whose look-up the database refuses. */
  decideRefused(taken: TakenMessage, refusal: Refusal): DecidedMessage
}

/**
 * Finds the device of each message, refuses those of unknown and inactive ones, and plans what changes in its row. What
 * the hub sent or decided itself changes no row, and is not refused, but for what a broker told of a connection.
 */
export function createDecider(options: DeciderOptions): Decider {
  const { storage, directory, clock } = options
  type Known = KnownDevice | null

  const find = (type: AnyDeviceType, deviceId: string): Known => directory.get(type, deviceId) ?? null

  /** Looks up what the directory does not know; asks it once a message. */
  async function findDevices(taken: readonly TakenMessage[]): Promise<Known[]> {
    const found = new Array<Known>(taken.length).fill(null)
    const missing = new Missing()
    for (let index = 0; index < taken.length; index++) {
      const message = taken[index] as TakenMessage
      const { refusal, type, deviceId } = message
      if (type === null || deviceId === null || (refusal !== null && !isSignOfLife(message))) continue
      const known = find(type, deviceId)
      if (known === null) missing.add(type, deviceId, index)
      else found[index] = known
    }
    await read(missing, found)
    return found
  }

  /** One query a type. */
  async function read(missing: Missing, found: Known[]): Promise<void> {
    const read = new Map<AnyDeviceType, ReadonlyMap<string, KnownDevice>>()
    for (const [type, ids] of missing.ids) read.set(type, await directory.load(type, [...ids]))
    for (const { type, deviceId, index } of missing.messages)
      found[index] = read.get(type)?.get(deviceId) ?? null
  }

  async function register(taken: readonly TakenMessage[], found: Known[]): Promise<void> {
    const unknown = new Missing()
    for (let index = 0; index < taken.length; index++) {
      if (found[index]?.record) continue
      const { refusal, type, deviceId, direction } = taken[index] as TakenMessage
      if (refusal !== null || type === null || deviceId === null || direction !== 'in') continue
      if (options.unknownDevice(type) === 'register') unknown.add(type, deviceId, index)
    }
    for (const [type, ids] of unknown.ids) {
      const records = Array.from(ids, (deviceId) => newDeviceRecord(type, { deviceId }, clock.now()))
      await storage.devices.ensure(type, records)
    }
    await read(unknown, found)
  }

  function decideOne(taken: TakenMessage, known: Known, decideReply: DecideReply | null): DecidedMessage {
    const { type, deviceId, own, content } = taken
    let { refusal, flags } = taken
    let command = own === null ? null : own.command
    let row = NO_CHANGE
    const session = own === null ? null : own.session
    if (type !== null && deviceId !== null && (own === null || session !== null)) {
      const isActive = known?.record?.isActive === true
      if (!isActive) refusal ??= deviceRefusal(type, deviceId, known, options.unknownDevice(type))
      if (content.reply !== undefined && decideReply !== null && refusal === null) {
        const decided = decideReply(taken)
        if ('refusal' in decided) refusal = refusalOf('rejected', decided.refusal)
        else {
          command = decided.command
          if (decided.flag !== null) flags = flags === null ? decided.flag : `${flags} ${decided.flag}`
        }
      }
      if (known !== null && isActive)
        row =
          own !== null && session !== null && refusal === null
            ? planSession(taken, session, own.at, type, known)
            : planDeviceRow(taken, refusal, type, known, options.lastSeenEvery)
    }
    return { taken, known, refusal, flags, command, touch: row.touch, change: row.change }
  }

  return {
    async decide(taken) {
      const found = await findDevices(taken)
      await register(taken, found)
      const replies = taken.filter(
        ({ content, refusal }, index) =>
          content.reply !== undefined && refusal === null && found[index]?.record?.isActive === true,
      )
      const decideReply = replies.length === 0 ? null : await options.findCommands(replies)
      return taken.map((message, index) => decideOne(message, found[index] ?? null, decideReply))
    },
    decideRefused(taken, refusal) {
      const { type, deviceId } = taken
      const known = type === null || deviceId === null ? null : find(type, deviceId)
      const rejected = { ...taken, refusal: refusalOf('rejected', refusal) }
      return { ...decideOne(rejected, known, null), taken, command: null, touch: null }
    },
  }
}

/** Devices to be looked up, and the places of their messages. */
class Missing {
  readonly ids = new Map<AnyDeviceType, Set<string>>()
  readonly messages: { readonly type: AnyDeviceType; readonly deviceId: string; readonly index: number }[] =
    []

  add(type: AnyDeviceType, deviceId: string, index: number): void {
    const ids = this.ids.get(type)
    if (ids === undefined) this.ids.set(type, new Set([deviceId]))
    else ids.add(deviceId)
    this.messages.push({ type, deviceId, index })
  }
}

function deviceRefusal(
  type: AnyDeviceType,
  deviceId: string,
  known: KnownDevice | null,
  policy: UnknownDevicePolicy,
): MessageRefusal {
  const who = `${type.name} ${deviceId}`
  if (known?.record)
    return refusalOf('rejected', { code: 'inactive_device', reason: `${who} is deactivated` })
  return refusalOf(policy === 'reject' ? 'rejected' : 'quarantined', {
    code: 'unknown_device',
    reason: `there is no ${who}; create it, then replay`,
  })
}
