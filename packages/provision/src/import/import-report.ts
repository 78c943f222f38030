import type { Duration } from '@devicehub/core'
import { type DeviceHubError, isDeviceHubError } from '@devicehub/core'
import type { ImportOutput } from './import-output.js'

/** Options of `importDevices`. */
export interface ImportOptions {
  /** Where the new secrets go. There is no other place that shows them. */
  readonly output: ImportOutput
  /** Gives devices that exist new credentials; default false: they are left alone. */
  readonly rotate?: boolean
  /** Of rotated ones: how long the old credentials stay good; default 0. */
  readonly overlap?: Duration
  /** Of the new credentials; default: good until they are rotated or revoked. */
  readonly expiresAt?: Date
  /** After each batch of 500. */
  readonly onProgress?: (progress: ImportCounts) => void
  /** What became of each row. */
  readonly onRow?: (row: ImportedRow) => void
  /** Ends it after the batch that is being written. */
  readonly signal?: AbortSignal
}

/** Rows of an import, by what became of them. */
export interface ImportCounts {
  /** Devices that were created with their credentials. */
  readonly created: number
  /** Were there already, and were left alone. */
  readonly existing: number
  /** Were there already, and got new credentials. */
  readonly rotated: number
  /** Could not be imported; the others were. */
  readonly failed: number
}

/** What became of one row of an import. */
export interface ImportedRow {
  /** In the source, from 1; of rows that are no text the number of the row. */
  readonly line: number
  /** As the row says, at most 128 characters of it; null when it says none. */
  readonly deviceId: string | null
  /** As counted in `ImportCounts`. */
  readonly outcome: 'created' | 'existing' | 'rotated' | 'failed'
  /** Why a row failed; null otherwise. */
  readonly error: DeviceHubError | null
}

/** The result of an import. */
export interface ImportReport extends ImportCounts {
  /** Of the rows that failed the first 1,000; `onRow` hears of all. */
  readonly failures: readonly ImportedRow[]
  /** `sink_failed`, the first 100. The credentials are good all the same. */
  readonly sinkErrors: readonly DeviceHubError[]
  /** The signal ended it. A second run goes on. */
  readonly aborted: boolean
}

const FAILURES_MAX = 1_000
const SINK_ERRORS_MAX = 100
const ID_SHOWN = 128

export type Tally = ReturnType<typeof createTally>

/** Counts what became of the rows, and tells those who want to know. */
export function createTally({ onProgress, onRow }: Pick<ImportOptions, 'onProgress' | 'onRow'>) {
  const counts = { created: 0, existing: 0, rotated: 0, failed: 0 }
  const failures: ImportedRow[] = []
  const sinkErrors: DeviceHubError[] = []

  function note(row: ImportedRow): void {
    counts[row.outcome]++
    if (row.outcome === 'failed' && failures.length < FAILURES_MAX) failures.push(row)
    onRow?.(row)
  }

  return {
    done: (line: number, deviceId: string, outcome: 'created' | 'existing' | 'rotated') =>
      note({ line, deviceId, outcome, error: null }),
    failed(line: number, deviceId: unknown, error: unknown) {
      if (!isDeviceHubError(error)) throw error
      const shown = typeof deviceId === 'string' ? deviceId.slice(0, ID_SHOWN) : null
      note({ line, deviceId: shown, outcome: 'failed', error })
    },
    sinkErrors(errors: readonly DeviceHubError[]) {
      sinkErrors.push(...errors.slice(0, SINK_ERRORS_MAX - sinkErrors.length))
    },
    progress: () => onProgress?.({ ...counts }),
    report: (aborted: boolean): ImportReport => ({ ...counts, failures, sinkErrors, aborted }),
  }
}
