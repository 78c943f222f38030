import type { ScannedSample, SeriesQuery, SeriesRow } from '../ports/series.js'
import { createSeriesBudget } from './series-budget.js'
import { createSeriesCell, type SeriesCell } from './series-cell.js'

/** A value of a number and when it was measured. */
export interface Known {
  readonly at: number
  readonly value: number
}

/** Of a reading of the device, the nearest value outside the range. */
type Beside = (field: string) => Known | undefined

/** Adds up a series, one device after the other, each device's samples by time and id. */
export interface SeriesFold {
  /** The readings it needs, each once: what `add` is given the values of. */
  readonly fields: readonly string[]
  begin(group: string | null, before: Beside): void
  add(sample: ScannedSample): void
  end(after: Beside): void
  rows(): SeriesRow[]
}

type Cells = Map<number, SeriesCell>

export function createSeriesFold({ figures, groupBy, edges, now }: SeriesQuery): SeriesFold {
  const fields = [...new Set(figures.map(({ field }) => field))]
  const has = (fn: string) =>
    fields.map((field) => figures.some((figure) => figure.field === field && figure.fn === fn))
  const [isHeld, isCounter] = [has('timeAvg'), has('delta')]
  const [from = 0, to = 0] = [edges[0], edges.at(-1)]
  const until = Math.min(to, now)
  const budget = createSeriesBudget()
  const groups = new Map<string | null, Cells>()
  const done: SeriesRow[] = []
  let group: string | null = null
  let cells: Cells = new Map()
  let known: (Known | undefined)[] = []
  let place = 0

  /** The bucket that holds the time, which is within the range; times mostly ascend. */
  function bucketAt(time: number): number {
    if (time < (edges[place] as number)) place = 0
    if (time < (edges[place + 1] as number)) return place
    let [low, high] = [place + 1, edges.length - 1]
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if ((edges[middle] as number) <= time) low = middle
      else high = middle
    }
    place = low
    return low
  }

  function cellOf(bucket: number): SeriesCell {
    const found = cells.get(bucket)
    if (found !== undefined) return found
    budget.row()
    const made = createSeriesCell(figures, fields, budget)
    cells.set(bucket, made)
    return made
  }

  /** Each bucket that a span of time touches, with how much of it. */
  function spread(start: number, end: number, take: (cell: SeriesCell, ms: number) => void): void {
    const last = Math.min(end, to)
    let at = Math.max(start, from)
    if (at >= last) return
    for (let bucket = bucketAt(at); at < last; bucket++) {
      const next = Math.min(last, edges[bucket + 1] as number)
      take(cellOf(bucket), next - at)
      at = next
    }
  }

  const hold = (field: number, { at, value }: Known, end: number) =>
    spread(at, Math.min(end, until), (cell, ms) => cell.hold(field, value, ms))

  function rise(field: number, before: Known, next: Known): void {
    const by = next.value >= before.value ? next.value - before.value : next.value
    const gap = next.at - before.at
    if (gap > 0) spread(before.at, next.at, (cell, ms) => cell.rise(field, ms === gap ? by : by * (ms / gap)))
    else if (next.at >= from && next.at < to) cellOf(bucketAt(next.at)).rise(field, by)
  }

  function emit(of: string | null, all: Cells): void {
    for (const [bucket, cell] of all) {
      done.push({ group: of, bucket, values: cell.results() })
      cell.release()
    }
  }

  return {
    fields,
    begin(of, before) {
      group = of
      cells = (groupBy === 'device' ? undefined : groups.get(group)) ?? new Map()
      if (groupBy !== 'device') groups.set(group, cells)
      known = fields.map((field) => before(field))
      place = 0
    },
    add(sample) {
      const { timestamp, values } = sample
      for (let field = 0; field < fields.length; field++) {
        const value = values[field] ?? null
        if (value === null) continue
        cellOf(bucketAt(timestamp)).add(field, value, sample)
        if (!isHeld[field] && !isCounter[field]) continue
        const next = { at: timestamp, value: value as number }
        const last = known[field]
        if (last !== undefined && isHeld[field]) hold(field, last, timestamp)
        if (last !== undefined && isCounter[field]) rise(field, last, next)
        known[field] = next
      }
    },
    end(after) {
      fields.forEach((name, field) => {
        const last = known[field]
        if (last === undefined) return
        if (isHeld[field]) hold(field, last, until)
        const next = isCounter[field] ? after(name) : undefined
        if (next !== undefined) rise(field, last, next)
      })
      if (groupBy === 'device') emit(group, cells)
    },
    rows() {
      for (const [of, all] of groups) emit(of, all)
      groups.clear()
      return done
    },
  }
}
