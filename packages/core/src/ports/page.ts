/** Of a page, where nobody says otherwise: see `PageRequest.maxBytes`. */
export const PAGE_BYTES = 8 << 20
/** Of the last values or samples of many devices, and of the values of an aggregate, which have no pages: more are refused. */
export const LATEST_BYTES = 16 << 20
/** Buckets of an aggregate, which has no pages: more are refused. A week of minutes and two years of hours are fewer. */
export const BUCKETS_MAX = 20_000

/** One page of a list. */
export interface Page<T> {
  /** In the order of the list; at most `limit`. */
  readonly items: readonly T[]
  /** For the next page; null at the end. */
  readonly cursor: string | null
}

/** How much of a list. */
export interface PageRequest {
  /** Items at most. */
  readonly limit: number
  /** Of the page before; absent: the first page. */
  readonly cursor?: string | undefined
  /**
   * A page ends, after at least one row, before what its rows hold (JSON, bytes and long texts, and some bytes for each
   * row) exceeds it; its cursor then says where to go on. A storage keeps to it before it has the rows in memory. Default `PAGE_BYTES`.
   */
  readonly maxBytes?: number | undefined
}
