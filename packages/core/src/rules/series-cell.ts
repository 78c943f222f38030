import type { StoredValue } from '../model/values.js'
import type { ScannedSample, SeriesFigure, SeriesFunction } from '../ports/series.js'
import { averageOfParts, LARGE, LARGE_SCALE, type SumParts, sumOfParts } from './large-sums.js'
import { bytesOf } from './page-of.js'
import type { SeriesBudget } from './series-budget.js'

type Value = Exclude<StoredValue, null>
type Place = Pick<ScannedSample, 'timestamp' | 'id'>

/** The figures of one bucket while samples are added. */
export interface SeriesCell {
  /** A value of the reading at this place in `fields`. */
  add(field: number, value: Value, place: Place): void
  /** The reading had this value for so many milliseconds. */
  hold(field: number, value: number, ms: number): void
  /** The counter rose by so much. */
  rise(field: number, by: number): void
  /** In the order of the figures. */
  results(): StoredValue[]
  /** Values that are kept for percentiles are let go. */
  release(): void
}

interface Figure {
  readonly field: number
  add?(value: Value, place: Place): void
  hold?(value: number, ms: number): void
  rise?(by: number): void
  result(): StoredValue
}

/** `fields`: the readings of the figures, each once. */
export function createSeriesCell(
  figures: readonly SeriesFigure[],
  fields: readonly string[],
  budget: SeriesBudget,
): SeriesCell {
  const lists = new Map<number, NumberList>()
  const listOf = (field: number) => {
    const list = lists.get(field) ?? new NumberList(budget)
    lists.set(field, list)
    return list
  }
  const made = figures.map(({ field: name, fn }): Figure => {
    const field = fields.indexOf(name)
    const share = PERCENTILES[fn]
    if (share !== undefined) {
      const list = listOf(field)
      return { field, result: () => list.percentile(share) }
    }
    return { field, ...MAKE[fn as keyof typeof MAKE](budget) }
  })
  return {
    add(field, value, place) {
      for (const figure of made) if (figure.field === field) figure.add?.(value, place)
      lists.get(field)?.push(value as number)
    },
    hold(field, value, ms) {
      for (const figure of made) if (figure.field === field) figure.hold?.(value, ms)
    },
    rise(field, by) {
      for (const figure of made) if (figure.field === field) figure.rise?.(by)
    },
    results: () => made.map((figure) => figure.result()),
    release() {
      for (const list of lists.values()) list.release()
    },
  }
}

const PERCENTILES: Partial<Record<SeriesFunction, number>> = { p50: 0.5, p95: 0.95, p99: 0.99 }

type Made = Omit<Figure, 'field'>

const MAKE: Readonly<Record<Exclude<SeriesFunction, 'p50' | 'p95' | 'p99'>, (budget: SeriesBudget) => Made>> =
  {
    count() {
      let count = 0
      return {
        add() {
          count++
        },
        result: () => count,
      }
    },
    sum: () => summed(sumOfParts),
    avg: () => summed(averageOfParts),
    min: () => extreme((value, least) => value < least),
    max: () => extreme((value, greatest) => value > greatest),
    first: (budget) => edge(budget, (a, b) => isBefore(a, b)),
    last: (budget) => edge(budget, (a, b) => !isBefore(a, b)),
    timeAvg() {
      const parts = { count: 0, ordinary: 0, large: 0 }
      return {
        hold: (value, ms) => addTo(parts, value, ms),
        result: () => averageOfParts(parts),
      }
    },
    delta() {
      let sum: number | null = null
      return {
        rise(by) {
          sum = (sum ?? 0) + by
        },
        result: () => (sum !== null && Number.isFinite(sum) ? sum : null),
      }
    },
  }

interface Parts extends SumParts {
  count: number
  ordinary: number
  large: number
}

function addTo(parts: Parts, value: number, weight: number): void {
  parts.count += weight
  if (Math.abs(value) <= LARGE) parts.ordinary += value * weight
  else parts.large += value * LARGE_SCALE * weight
}

function summed(result: (parts: SumParts) => number | null): Made {
  const parts = { count: 0, ordinary: 0, large: 0 }
  return { add: (value) => addTo(parts, value as number, 1), result: () => result(parts) }
}

function extreme(replaces: (value: number, kept: number) => boolean): Made {
  let kept: number | null = null
  return {
    add(value) {
      if (kept === null || replaces(value as number, kept)) kept = value as number
    },
    result: () => kept,
  }
}

function edge(budget: SeriesBudget, replaces: (place: Place, kept: Place) => boolean): Made {
  let kept: { readonly value: Value; readonly place: Place } | null = null
  return {
    add(value, place) {
      if (kept !== null && !replaces(place, kept.place)) return
      budget.bytes(bytesOf(value) - (kept === null ? 0 : bytesOf(kept.value)))
      kept = { value, place }
    },
    result: () => kept?.value ?? null,
  }
}

/** Of equal times the one that was stored earlier. */
const isBefore = (a: Place, b: Place): boolean =>
  a.timestamp < b.timestamp || (a.timestamp === b.timestamp && Number(a.id) < Number(b.id))

/** Numbers to be sorted; half of what an array of them takes. */
class NumberList {
  readonly #budget: SeriesBudget
  #values = new Float64Array(16)
  #count = 0
  #sorted = false

  constructor(budget: SeriesBudget) {
    this.#budget = budget
  }

  push(value: number): void {
    this.#budget.values(1)
    if (this.#count === this.#values.length) {
      const larger = new Float64Array(2 * this.#count)
      larger.set(this.#values)
      this.#values = larger
    }
    this.#values[this.#count++] = value
    this.#sorted = false
  }

  /** Between two values by their distance: what `percentile_cont` of SQL gives. Null over nothing, and where no double holds it. */
  percentile(share: number): number | null {
    if (this.#count === 0) return null
    const values = this.#values.subarray(0, this.#count)
    if (!this.#sorted) values.sort()
    this.#sorted = true
    const at = share * (this.#count - 1)
    const low = values[Math.floor(at)] as number
    const high = values[Math.ceil(at)] as number
    if (low === high) return low
    const value = low + (at - Math.floor(at)) * (high - low)
    return Number.isFinite(value) ? value : null
  }

  release(): void {
    this.#budget.values(-this.#count)
    this.#values = new Float64Array(0)
    this.#count = 0
  }
}
