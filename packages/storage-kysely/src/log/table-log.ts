import type { LogPage } from '@devicehub/core/storage'

/** One message table of the log. */
export interface LogTable {
  readonly name: string
  readonly typeKey: string | null
}

export interface LogOptions {
  /** For tests only: without it, rows that commit late are skipped, which shows that the tests would notice. */
  readonly watermark?: boolean
}

export interface LogRequest {
  readonly limit: number
  readonly maxBytes: number
}

export interface TableLog {
  read(tables: readonly LogTable[], cursor: string | null, page: LogRequest): Promise<LogPage>
  end(tables: readonly LogTable[]): Promise<string>
  seek(tables: readonly LogTable[], time: number): Promise<string>
  count(tables: readonly LogTable[], cursor: string | null, max: number): Promise<number>
}
