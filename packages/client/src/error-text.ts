/** What was thrown, which need not be an error. */
export const reasonText = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/** For a message to the hub: no control characters, no broken surrogates, bounded. */
export const printable = (text: string, maxLength = 512): string =>
  text
    .slice(0, maxLength)
    .replace(/[\p{Cc}\p{Cs}\u2028\u2029]+/gu, ' ')
    .trim()
