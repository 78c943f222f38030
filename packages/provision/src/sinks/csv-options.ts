import type { Duration } from '@devicehub/core'

/** Options of `csvSink`. */
export interface CsvSinkOptions {
  /** Appended to, and made with the mode 0600: it holds passwords. */
  readonly file: string
  /** How long to wait for another process that appends to it. Default 10 s. */
  readonly timeout?: Duration
}
