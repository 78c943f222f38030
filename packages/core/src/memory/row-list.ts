export interface Row {
  /** Set by whoever deletes the row; lists skip it and drop it when half of them is gone. */
  removed: boolean
}

const COMPACT_FROM = 64

/**
 * Rows in an order, for many appends and few reads: adding and removing cost amortised O(1), and rows that came out of
 * order (late samples) are sorted in when somebody reads.
 */
export class RowList<R extends Row> {
  readonly #compare: (a: R, b: R) => number
  #rows: R[] = []
  #head = 0
  #live = 0
  #sorted = true

  constructor(compare: (a: R, b: R) => number) {
    this.#compare = compare
  }

  get size(): number {
    return this.#live
  }

  add(row: R): void {
    const last = this.#rows.at(-1)
    if (last && this.#compare(last, row) > 0) this.#sorted = false
    this.#rows.push(row)
    this.#live++
  }

  /** To be called once for each row of this list that was marked as removed. */
  released(): void {
    this.#live--
    if (this.#rows.length > COMPACT_FROM && this.#live < this.#rows.length / 2) this.#compact()
  }

  oldest(): R | undefined {
    const rows = this.#ordered()
    while (rows[this.#head]?.removed) this.#head++
    return rows[this.#head]
  }

  /** The rows for which `starts` holds, up to the first for which `ends` does; both must hold for all rows that follow. */
  *ascending(starts: (row: R) => boolean = always, ends: (row: R) => boolean = never): Generator<R> {
    const rows = this.#ordered()
    for (let index = firstIndex(rows, starts); index < rows.length; index++) {
      const row = rows[index] as R
      if (ends(row)) return
      if (!row.removed) yield row
    }
  }

  /** The same rows backwards. */
  *descending(starts: (row: R) => boolean = always, ends: (row: R) => boolean = never): Generator<R> {
    const rows = this.#ordered()
    for (let index = firstIndex(rows, ends) - 1; index >= 0; index--) {
      const row = rows[index] as R
      if (!starts(row)) return
      if (!row.removed) yield row
    }
  }

  #ordered(): readonly R[] {
    if (!this.#sorted) {
      this.#compact()
      this.#rows.sort(this.#compare)
      this.#sorted = true
    }
    return this.#rows
  }

  // A new array, so that a generator that is still open goes on over the old one.
  #compact(): void {
    this.#rows = this.#rows.filter((row) => !row.removed)
    this.#head = 0
  }
}

const always = () => true
const never = () => false

function firstIndex<R>(rows: readonly R[], holds: (row: R) => boolean): number {
  let low = 0
  let high = rows.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (holds(rows[middle] as R)) high = middle
    else low = middle + 1
  }
  return low
}
