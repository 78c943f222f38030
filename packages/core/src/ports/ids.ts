/** Where new ids come from (commands, client ids); tests pass their own. */
export interface Ids {
  /** A new id, unique for good, of `[A-Za-z0-9_-]`. */
  next(): string
}

/** Random UUIDs (version 4). */
export const randomIds: Ids = { next: () => globalThis.crypto.randomUUID() }
