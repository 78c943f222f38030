import type { StorageFault } from './retry.js'

/** Sizes of batches and of the queue; past them sources are held back. */
export interface IngestLimits {
  /** Messages a transaction; default: what the storage prefers, else 500. Larger ones store faster and block the event loop longer. */
  readonly maxBatch: number
  /** Payload bytes a transaction; default 8 MiB. */
  readonly maxBatchBytes: number
  /** Messages taken and not yet committed, past which sources are held back; default 20,000. */
  readonly maxQueued: number
  /** The same in payload bytes; default 64 MiB. */
  readonly maxQueuedBytes: number
}

/** What ingest has done since the hub was created, in this process. */
export interface IngestStats {
  /** Messages taken. */
  readonly received: number
  /** Messages committed that were neither duplicates nor refused. */
  readonly stored: number
  /** Samples stored. */
  readonly samples: number
  /** Messages of which all was stored before. */
  readonly duplicates: number
  /** Samples whose id was known with other content: stored, and flagged `id_reused`. */
  readonly reusedIds: number
  /** Samples that were stored before though nobody said that they come again: not redelivered, retained or replayed. */
  readonly unmarkedDuplicates: number
  /** Messages refused, with an audit row. */
  readonly rejected: number
  /** Messages set aside until their device or type exists. */
  readonly quarantined: number
  /** Handed back uncommitted: the hub closed first, or the lease they came under was another process's by then. */
  readonly failed: number
  /** Of the failed, those whose lease was taken over. */
  readonly fenced: number
  /** Transactions committed. */
  readonly batches: number
  /** Commits and look-ups that had to be tried again. */
  readonly retries: number
  /** Taken and not yet committed. */
  readonly queued: number
  /** Why nothing is committed now; null: it works. With `storage_refused` it waits for somebody. */
  readonly fault: StorageFault | null
}

export type IngestCounts = { -readonly [Name in keyof Omit<IngestStats, 'queued' | 'fault'>]: number }

export const noCounts = (): IngestCounts => ({
  received: 0,
  stored: 0,
  samples: 0,
  duplicates: 0,
  reusedIds: 0,
  unmarkedDuplicates: 0,
  rejected: 0,
  quarantined: 0,
  failed: 0,
  fenced: 0,
  batches: 0,
  retries: 0,
})
