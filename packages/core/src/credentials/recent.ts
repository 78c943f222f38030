/** Values by key, the least recently read of more than `max` dropped, none older than `maxAge` milliseconds. */
export interface Recent<Value> {
  get(key: string): Value | undefined
  set(key: string, value: Value): void
  readonly size: number
}

export interface RecentOptions {
  readonly max: number
  readonly maxAge: number
  /** Milliseconds of a clock that nobody sets. */
  readonly monotonic: () => number
}

export function createRecent<Value>({ max, maxAge, monotonic }: RecentOptions): Recent<Value> {
  const entries = new Map<string, { readonly value: Value; readonly until: number }>()

  return {
    get(key) {
      const entry = entries.get(key)
      if (entry === undefined) return undefined
      entries.delete(key)
      if (entry.until <= monotonic()) return undefined
      entries.set(key, entry)
      return entry.value
    },
    set(key, value) {
      entries.delete(key)
      entries.set(key, { value, until: monotonic() + maxAge })
      if (entries.size > max) for (const oldest of entries.keys()) return void entries.delete(oldest)
    },
    get size() {
      return entries.size
    },
  }
}
