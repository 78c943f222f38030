import type { Duration } from '@devicehub/core'

/** Options of `csvSink`. */
export interface CsvSinkOptions {
  /** Lines are appended to it. Created with mode 0600: it contains passwords. A symbolic link is refused. */
  readonly file: string
  /** How long to wait for another process that appends to it. Default 10 s. */
  readonly timeout?: Duration
}
