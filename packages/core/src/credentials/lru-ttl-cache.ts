/** A cache of at most `max` entries: the least recently read is evicted first, and each expires after `maxAge`. */
export interface LruTtlCache<Value> {
  get(key: string): Value | undefined
  set(key: string, value: Value): void
  readonly size: number
}

export interface LruTtlCacheOptions {
  readonly max: number
  /** Milliseconds since an entry was set. */
  readonly maxAge: number
  /** A monotonic clock in milliseconds. */
  readonly monotonic: () => number
}

export function createLruTtlCache<Value>({ max, maxAge, monotonic }: LruTtlCacheOptions): LruTtlCache<Value> {
  const entries = new Map<string, { readonly value: Value; readonly expiresAt: number }>()

  return {
    get(key) {
      const entry = entries.get(key)
      if (entry === undefined) return undefined
      entries.delete(key)
      if (entry.expiresAt <= monotonic()) return undefined
      entries.set(key, entry)
      return entry.value
    },
    set(key, value) {
      entries.delete(key)
      entries.set(key, { value, expiresAt: monotonic() + maxAge })
      if (entries.size > max) for (const oldest of entries.keys()) return void entries.delete(oldest)
    },
    get size() {
      return entries.size
    },
  }
}
