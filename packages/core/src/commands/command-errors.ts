import { showText } from '../model/check/index.js'
import { DeviceHubError, type ErrorCode } from '../model/errors.js'
import type { CommandState } from '../model/statuses.js'
import type { CommandRecord } from '../ports/commands.js'

const CODES: Partial<Record<CommandState, ErrorCode>> = {
  failed: 'command_failed',
  rejected: 'command_rejected',
  timed_out: 'command_timed_out',
  expired: 'command_expired',
  cancelled: 'command_cancelled',
}

const SAYS: Partial<Record<CommandState, string>> = {
  failed: 'failed',
  rejected: 'was rejected by the device',
  timed_out: 'was not answered in time',
  expired: 'expired before it could be sent',
  cancelled: 'was cancelled',
}

/** What awaiting the result of a command that did not succeed rejects with. */
export function commandError({
  id,
  state,
  reason,
  command,
  deviceId,
  typeKey,
}: CommandRecord): DeviceHubError {
  const why = reason === null ? '' : `: ${reason}`
  return new DeviceHubError(
    CODES[state] ?? 'command_failed',
    `${command} for ${typeKey} ${deviceId} ${SAYS[state] ?? state}${why}`,
    { details: { id, state, reason, command, type: typeKey, deviceId } },
  )
}

export const unknownCommandId = (id: string) =>
  new DeviceHubError('command_not_found', `there is no command of the id ${showText(id)}`, {
    details: { id },
  })
