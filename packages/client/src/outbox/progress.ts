import type { DeviceHubError } from '@devicehub/core/definition'
import { outboxFailed } from './outbox-errors.js'
import type { PositionFile } from './position-file.js'
import type { Progress } from './read-progress.js'
import { createTurns } from './turns.js'

export interface ProgressKeeperOptions {
  readonly folder: string
  readonly file: PositionFile
  readonly position: number
  /** As they are at the moment. */
  readonly current: () => { readonly end: number; readonly queued: number }
  readonly onError: (error: DeviceHubError) => void
}

/** What is done with, and how much was ever recorded; kept on disk. */
export interface ProgressKeeper {
  /** Sequence number of the first sample that is not done with. */
  readonly position: number
  advance(to: number): void
  /** False: it could not be written. Nothing is lost by it: after a restart more is delivered again. */
  save(): Promise<boolean>
}

export function createProgress(options: ProgressKeeperOptions): ProgressKeeper {
  const { folder, file, current } = options
  const turns = createTurns()
  let position = options.position
  let written: Progress | null = null
  let failed = false

  async function write(): Promise<boolean> {
    const { end, queued } = current()
    // Whatever of it could not be read is done with as well.
    if (queued === 0) position = Math.max(position, end)
    const next = { position, end }
    if (written?.position === position && written.end === end) return true
    try {
      await file.write(next)
      written = next
      failed = false
    } catch (error) {
      if (!failed) options.onError(outboxFailed('recording what was delivered in', folder, error))
      failed = true
    }
    return !failed
  }

  return {
    get position() {
      return position
    },
    advance(to) {
      position = Math.max(position, to)
    },
    save: () => turns(write),
  }
}
