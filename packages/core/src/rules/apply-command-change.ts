import type { CommandState } from '../model/statuses.js'
import type { CommandChange, CommandProgress } from '../ports/commands.js'
import { isFinal } from './states.js'

/** What a change makes of a command. */
export interface AppliedCommandChange {
  /** `current` itself when nothing changes. */
  readonly next: CommandProgress
  /** False: it changes nothing. */
  readonly applied: boolean
  /** For the audit row of a reply that changed nothing: `late_reply` or `repeated_reply`. */
  readonly flag: string | null
  /** Whether the command is to be looked at again as the change's `dueIn` says; otherwise that stays as it was. */
  readonly reschedule: boolean
}

const REPLIED: readonly CommandState[] = ['succeeded', 'failed', 'rejected']

/** Whether a reply says nothing new of a command that has ended so. One that names another end contradicts it. */
const isKnown = (reply: CommandState, end: CommandState): boolean =>
  REPLIED.includes(end) && (reply === end || reply === 'accepted')

/**
 * One step of a command, shared by every storage: states only go forward, and what is final stays. A publication whose
 * reply was faster than the note of it is counted and changes no state.
 */
export function applyCommandChange(current: CommandProgress, change: CommandChange): AppliedCommandChange {
  const { to, at } = change
  const unchanged = (flag: string | null): AppliedCommandChange => ({
    next: current,
    applied: false,
    flag,
    reschedule: false,
  })
  if (change.attempts !== undefined && change.attempts !== current.attempts) return unchanged(null)
  if (to === 'sent') {
    const attempts = current.attempts + 1
    if (isFinal(current.state) || current.state === 'accepted')
      return {
        next: { ...current, attempts, sentAt: current.sentAt ?? at },
        applied: true,
        flag: null,
        reschedule: false,
      }
    return {
      next: { ...current, state: 'sent', attempts, sentAt: at },
      applied: true,
      flag: null,
      reschedule: true,
    }
  }
  if (isFinal(current.state)) return unchanged(isKnown(to, current.state) ? 'repeated_reply' : 'late_reply')
  if (to === current.state) return unchanged('repeated_reply')
  if (!change.from.includes(current.state)) return unchanged(null)
  const { result = null, reason = null } = change
  const next: CommandProgress =
    to === 'accepted'
      ? { ...current, state: to, acceptedAt: at }
      : { ...current, state: to, finishedAt: at, result, reason }
  return { next, applied: true, flag: null, reschedule: false }
}
