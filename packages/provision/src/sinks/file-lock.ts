import { DeviceHubError } from '@devicehub/core'
import { lockFile } from '@devicehub-internal/async/file-lock'

/** Milliseconds. Files are written in far less; a holder that took longer is asked again before it replaces one. */
const STALE = 60_000

/**
 * Runs `task` while no other process, and nobody else here, does the same with this lock file. `assertHeld` is to be
 * called before each step that cannot be taken back. A holder that was killed has it no more. `sink_failed` when it
 * is not to be had within `timeout` milliseconds.
 */
export async function withFileLock<T>(
  file: string,
  timeout: number,
  task: (assertHeld: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const lock = await lockFile(file, {
    wait: timeout,
    staleAfter: STALE,
    lockedError: (holder) =>
      failed(
        `${file} is held by process ${holder?.pid ?? '?'}${holder?.host ? ` on ${holder.host}` : ''}; if that is gone, remove the file`,
      ),
  })
  try {
    return await task(async () => {
      if (!(await lock.isHeld())) throw failed(`${file} was taken over by another process; try again`)
    })
  } finally {
    await lock.release()
  }
}

const failed = (message: string) => new DeviceHubError('sink_failed', message)
