/**
 * Who holds what must have a single holder: a listener's slot, a durable consumer. Every time is the database's, never
 * a process's. The epoch of a name grows each time it is acquired, for good, so that a former holder's writes can be told from
 * the present one's (a fencing token).
 */
export interface LeaseStore {
  /** What is known of these names, in any order; a name that was never acquired is left out. Writes nothing. */
  find(names: readonly string[]): Promise<readonly LeaseState[]>
  /**
   * Takes the lease when nobody holds it, or when `holder` does already: either way with a new epoch. Null while
   * another one holds it. `ttl` in milliseconds. A lease that runs for longer than twice its `ttl` from now was given
   * before the database's clock stepped back, and counts as expired.
   */
  acquire(name: string, holder: string, ttl: number): Promise<Lease | null>
  /**
   * Extends it to `ttl` milliseconds from now; also when it had expired, as long as nobody else acquired it. False: the
   * epoch is another by now. `note` replaces the lease's note.
   */
  renew(lease: Lease, ttl: number, note?: string | null): Promise<boolean>
  /** Gives it back; its epoch and its note stay. False: the epoch is another by now. */
  release(lease: Lease): Promise<boolean>
}

/** Stands in a `CommitBatch` or an `InboundMessage` for "only as long as this epoch is the present one". */
export interface LeaseFence {
  /** Of the lease. */
  readonly name: string
  /** Under which it was acquired. */
  readonly epoch: number
}

/** A lease that was acquired. */
export interface Lease extends LeaseFence {
  /** Who has it. */
  readonly holder: string
}

/** What is known of a lease. */
export interface LeaseState extends LeaseFence {
  /** Null when it was released or has expired. */
  readonly holder: string | null
  /** Milliseconds by the database's clock until it expires; 0 when nobody holds it. */
  readonly expiresIn: number
  /** What its last holder wrote down, for whoever comes next. */
  readonly note: string | null
}
