import type { Duration, Logger, Metrics } from '@devicehub/core'

/** Options of `createSignals`. */
export interface SignalsOptions {
  /** Where errors of handlers and dropped events are written. Default: warnings and errors as JSON lines on stderr. */
  readonly logger?: Logger | undefined
  /** Default: dropped. Counts `devicehub_handler_errors_total` and `devicehub_handler_dropped_total`, by `handler`. */
  readonly metrics?: Metrics | undefined
  /** For handlers that do not set their own. Default 1,000. */
  readonly maxPending?: number | undefined
  /** For handlers that do not set their own. Default: none. */
  readonly timeout?: Duration | undefined
}
