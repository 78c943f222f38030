import { join } from 'node:path'
import { type FileLock, lockFile } from '@devicehub-internal/async/file-lock'
import { outboxLocked } from './outbox-errors.js'

/**
 * Takes the folder for this process; `outbox_locked` when another client has it. A holder that was killed, or that ran
 * before the machine started anew, has it no more: its process id is gone, or belongs to a process that began later.
 */
export function lockFolder(folder: string): Promise<FileLock> {
  const file = join(folder, 'lock')
  return lockFile(file, { lockedError: (holder) => outboxLocked(folder, file, holder?.pid ?? null) })
}
