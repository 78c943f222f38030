import type { LogFields } from '../ports/logger.js'

/** `logger.warn` or `logger.info`. */
type Write = (fields: LogFields, message: string) => void

/**
 * For `onOverflow` of limited lines with a key for each device: says that not every device gets a line of its own.
 * `what` they do; `see`: where all of it is counted or listed.
 */
export const overflowLine =
  (write: Write, what: string, see: string) =>
  (suppressed: number): void =>
    write(
      { ...(suppressed > 0 && { suppressed }) },
      `${what} within a minute; not all of them are logged here. See ${see}`,
    )
