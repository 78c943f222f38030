/**
 * A sum of doubles in two parts that cannot overflow: values below `LARGE` as they are, the others times `LARGE_SCALE`.
 * Databases fail, give null or infinity when a double overflows; with parts all storages answer alike.
 */
export interface SumParts {
  /** Of all values that are not null. */
  readonly count: number
  /** Of the values from -`LARGE` to `LARGE`. */
  readonly ordinary: number
  /** Of the others, each times `LARGE_SCALE`. */
  readonly large: number
}

/** More values than any table has, and their sum is still a double. */
export const LARGE = 1e290
/** A power of two, so that nothing is rounded. */
export const LARGE_SCALE = 2 ** -64

/** Null over nothing, and where no double holds the sum. */
export function sumOfParts({ count, ordinary, large }: SumParts): number | null {
  if (count === 0) return null
  const sum = large === 0 ? ordinary : (ordinary * LARGE_SCALE + large) / LARGE_SCALE
  return Number.isFinite(sum) ? sum : null
}

/** Null over nothing. An average always fits: only rounding could lead beyond. */
export function averageOfParts({ count, ordinary, large }: SumParts): number | null {
  if (count === 0) return null
  const average = ordinary / count + large / count / LARGE_SCALE
  return Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, average))
}

export function sumParts(values: Iterable<number>): SumParts {
  let [count, ordinary, large] = [0, 0, 0]
  for (const value of values) {
    count++
    if (Math.abs(value) <= LARGE) ordinary += value
    else large += value * LARGE_SCALE
  }
  return { count, ordinary, large }
}
