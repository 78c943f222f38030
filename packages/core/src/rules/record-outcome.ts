import type { NewMessage } from '../model/message.js'
import type { CommandOutcome } from '../ports/commands.js'
import type { ReportOutcome } from '../ports/twins.js'

/** The audit row of a command's entry once it is known what became of the command; null: no row. Shared by every storage. */
export function withCommandOutcome(
  message: NewMessage,
  isReply: boolean,
  { applied, flag, record }: CommandOutcome,
): NewMessage | null {
  if (applied) return message
  if (!isReply) return null
  if (record === null)
    return {
      ...message,
      status: 'rejected',
      code: 'unknown_command',
      reason: 'the device was sent no command of this id',
    }
  const flags = withFlag(message.flags, flag)
  return flag === 'repeated_reply'
    ? { ...message, status: 'duplicate', reason: 'the reply says what was known of its command', flags }
    : { ...message, flags }
}

/** The audit row of a state report. */
export const withReportOutcome = (
  message: NewMessage,
  names: readonly string[],
  { applied }: ReportOutcome,
) =>
  names.length > 0 && applied.length === 0
    ? { ...message, flags: withFlag(message.flags, 'stale_report') }
    : message

/** Of a sample whose id was known with other content, and of its message. */
export const ID_REUSED = 'id_reused'

/** Flags are separated by a space. */
export const withFlag = (flags: string | null, flag: string | null): string | null =>
  flag === null ? flags : flags === null ? flag : `${flags} ${flag}`
