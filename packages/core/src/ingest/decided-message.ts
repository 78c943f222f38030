import type { CommandChange } from '../ports/commands.js'
import type { DeviceChange, DeviceTouch } from '../ports/storage.js'
import type { KnownDevice } from './device-directory.js'
import type { Refusal } from './ingest.js'
import { type MessageRefusal, refusalOf } from './refusal.js'
import type { TakenMessage } from './taken-message.js'

/** What is decided of a message once its device and its command are known. */
export interface DecidedMessage {
  readonly taken: TakenMessage
  /** Its device; null: there is none, or nobody had to know. */
  readonly known: KnownDevice | null
  readonly refusal: MessageRefusal | null
  /** Those it was taken with, and those of its reply. */
  readonly flags: string | null
  readonly command: CommandChange | null
  readonly touch: DeviceTouch | null
  readonly change: DeviceChange | null
}

/** The audit row says why, and nothing else of the message is stored but that its device lives. */
export function refused(decided: DecidedMessage, refusal: Refusal): DecidedMessage {
  const { taken, change } = decided
  const rejected = { ...decided, refusal: refusalOf('rejected', refusal), command: null }
  // A change that only wakes holds nothing that the device said: only that it said something.
  if (change === null || taken.content.news === null) return rejected
  const { type, deviceId, lastSeen } = change
  return { ...rejected, change: null, touch: { type, deviceId, lastSeen } }
}

/** What a broker told of a connection makes no entry: its row is written with the change of the device. */
export const makesEntry = ({ taken: { own } }: DecidedMessage): boolean =>
  own === null || own.session === null
