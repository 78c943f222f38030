/** How many rows to read next, so that the one message that fails its batch comes to stand alone in few steps. */
export interface Bisect {
  readonly limit: number
  /** A batch of so many rows failed: one of them at least is at fault. */
  failed(rows: number): void
  /** So many rows are done. */
  passed(rows: number): void
}

export function createBisect(max: number): Bisect {
  /** Rows ahead among which one is known to fail. */
  let suspects = 0
  return {
    get limit() {
      return suspects === 0 ? max : Math.ceil(suspects / 2)
    },
    failed(rows) {
      suspects = rows
    },
    passed(rows) {
      suspects = Math.max(0, suspects - rows)
    },
  }
}
