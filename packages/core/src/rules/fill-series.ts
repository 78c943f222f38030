import type { StoredValue } from '../model/values.js'
import type { SeriesFigure } from '../ports/series.js'

type Bucket = [bucket: number, values: StoredValue[]]

/**
 * All buckets between the edges. Of one that was not found a `count` is 0 and everything else null. `previous`: what is
 * null is as in the bucket before it; `linear`: between the two known ones around it, by the starts of their buckets,
 * of numbers alone. Before the first known and, with `linear`, after the last it stays null.
 */
export function fillSeries(
  figures: readonly SeriesFigure[],
  edges: readonly number[],
  found: ReadonlyMap<number, readonly StoredValue[]>,
  fill: 'null' | 'previous' | 'linear',
): Bucket[] {
  const buckets = Array.from({ length: edges.length - 1 }, (_, bucket): Bucket => {
    const values = found.get(bucket)
    return [bucket, values ? [...values] : figures.map(({ fn }) => (fn === 'count' ? 0 : null))]
  })
  if (fill === 'null') return buckets
  figures.forEach((_, figure) => {
    let known = -1
    for (const [bucket, values] of buckets) {
      const value = values[figure] ?? null
      const before = buckets[known]?.[1][figure] ?? null
      if (value === null) {
        if (fill === 'previous') values[figure] = before
        continue
      }
      if (fill === 'linear' && typeof value === 'number' && typeof before === 'number')
        for (let between = known + 1; between < bucket; between++) {
          const [start, at, end] = [edges[known], edges[between], edges[bucket]] as [number, number, number]
          const filled = buckets[between] as Bucket
          filled[1][figure] = before + (value - before) * ((at - start) / (end - start))
        }
      known = bucket
    }
  })
  return buckets
}
