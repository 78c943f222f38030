import { trusting } from '../model/check/trusting.js'
import { COMMAND_STATES, type CommandState, type DeviceStatus } from '../model/statuses.js'
import type { NewCredential } from '../ports/credentials.js'

/** Whether a device of this status can be expected to hear: it has a session, whatever else it says of itself. */
export const isReachable = (status: DeviceStatus): boolean =>
  status !== 'offline' && status !== 'provisioning'

const FINAL: ReadonlySet<CommandState> = new Set(COMMAND_STATES.slice(COMMAND_STATES.indexOf('succeeded')))

/** Whether nothing changes any more of a command in this state. */
export const isFinal = (state: CommandState): boolean => FINAL.has(state)

/** Whether it has not ended; null: it does not end. */
export const isCredentialGood = trusting(
  'isCredentialGood',
  'a credential and a time',
  ({ expiresAt }: Pick<NewCredential, 'expiresAt'>, now: number): boolean =>
    expiresAt === null || expiresAt > now,
)
