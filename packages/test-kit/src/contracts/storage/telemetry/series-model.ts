import type { StoredValue } from '@devicehub/core/transport'

/** Samples in plain objects, and what a series over them is, written out once more. */
export interface PlainSample {
  readonly deviceId: string
  readonly at: number
  /** The order in which they were stored. */
  readonly order: number
  readonly values: Readonly<Record<string, StoredValue>>
}

export interface PlainQuery {
  /** Of these devices, with the group that each is put to. */
  readonly groups: ReadonlyMap<string, string | null>
  readonly figures: readonly (readonly [field: string, fn: string])[]
  readonly from: number
  readonly to: number
  readonly now: number
  /** Of all buckets, the first and the last not cut. */
  readonly edges: readonly number[]
  readonly fill: 'none' | 'null' | 'previous' | 'linear'
}

type Figures = (StoredValue | number)[]
export type PlainSeries = Map<string | null, Map<number, Figures>>

/** By group and the start of the bucket, the figures in their order. */
export function plainSeries(samples: readonly PlainSample[], query: PlainQuery): PlainSeries {
  const result: PlainSeries = new Map()
  for (const group of new Set(query.groups.values())) {
    const of = [...query.groups].filter(([, each]) => each === group).map(([deviceId]) => deviceId)
    const mine = samples.filter(({ deviceId }) => of.includes(deviceId))
    const columns = query.figures.map(([field, fn]) => columnOf(mine, of, field, fn, query))
    const buckets = new Map<number, Figures>()
    for (let bucket = 0; bucket + 1 < query.edges.length; bucket++) {
      const figures = columns.map((column) => column[bucket] ?? null)
      const isEmpty = figures.every(
        (one, index) => one === null || (query.figures[index]?.[1] === 'count' && one === 0),
      )
      if (!isEmpty || query.fill !== 'none') buckets.set(query.edges[bucket] as number, figures)
    }
    if (query.fill === 'previous' || query.fill === 'linear') fill([...buckets], query.fill)
    result.set(group, buckets)
  }
  return result
}

/** One figure in each bucket. */
function columnOf(
  samples: readonly PlainSample[],
  devices: readonly string[],
  field: string,
  fn: string,
  { edges, from, to, now }: PlainQuery,
): (StoredValue | number)[] {
  const known = samples
    .filter(({ values }) => (values[field] ?? null) !== null)
    .sort((a, b) => a.at - b.at || a.order - b.order)
  const cut = (edge: number) => Math.min(to, Math.max(from, edge))
  const spans = edges.slice(0, -1).map((edge, index) => [cut(edge), cut(edges[index + 1] as number)] as const)
  if (fn === 'timeAvg' || fn === 'delta') {
    const curves = devices.map((id) => {
      const of = known.filter(({ deviceId }) => deviceId === id)
      const points = of.map(({ at, values }) => [at, values[field] as number] as const)
      return fn === 'delta' ? counted(points) : held(points, Math.min(to, now))
    })
    return spans.map(([start, end]) => {
      const parts = curves.map((curve) => curve(start, end)).filter((part) => part !== null)
      if (parts.length === 0) return null
      const sum = parts.reduce((total, [amount]) => total + amount, 0)
      return fn === 'delta' ? sum : sum / parts.reduce((total, [, time]) => total + time, 0)
    })
  }
  const within = spans.map((): never[] => [])
  let bucket = 0
  for (const { at, values } of known) {
    if (at < from || at >= to) continue
    while (at >= (spans[bucket]?.[1] as number)) bucket++
    within[bucket]?.push(values[field] as never)
  }
  return within.map((values) => FIGURES[fn]?.(values) ?? null)
}

const ascending = (values: readonly number[]) => [...values].sort((a, b) => a - b)
const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0)
const orNull =
  (of: (values: readonly number[]) => number) =>
  (values: readonly never[]): number | null =>
    values.length === 0 ? null : of(values)

function share(part: number) {
  return orNull((values) => {
    const sorted = ascending(values)
    const place = part * (sorted.length - 1)
    const low = sorted[Math.floor(place)] as number
    const high = sorted[Math.ceil(place)] as number
    return low + (place % 1) * (high - low)
  })
}

const FIGURES: Readonly<Record<string, (values: readonly never[]) => StoredValue>> = {
  count: (values) => values.length,
  sum: orNull(total),
  avg: orNull((values) => total(values) / values.length),
  min: orNull((values) => ascending(values)[0] as number),
  max: orNull((values) => ascending(values).at(-1) as number),
  first: (values) => values[0] ?? null,
  last: (values) => values.at(-1) ?? null,
  p50: share(0.5),
  p95: share(0.95),
  p99: share(0.99),
}

type Points = readonly (readonly [at: number, value: number])[]
/** How much there is between two times, and in how long a time; null: nothing is known. */
type Curve = (start: number, end: number) => readonly [amount: number, time: number] | null

/** The points before a time. */
function countBefore(points: Points, time: number): number {
  let [low, high] = [0, points.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((points[middle]?.[0] as number) < time) low = middle + 1
    else high = middle
  }
  return low
}

/** By the area below the steps up to a time. */
function held(points: Points, until: number): Curve {
  const areas = [0]
  for (let index = 1; index < points.length; index++) {
    const [at, value] = points[index - 1] as readonly [number, number]
    areas.push((areas.at(-1) as number) + value * ((points[index]?.[0] as number) - at))
  }
  const area = (time: number) => {
    const last = countBefore(points, time) - 1
    if (last < 0) return 0
    const [at, value] = points[last] as readonly [number, number]
    return (areas[last] as number) + value * (time - at)
  }
  return (start, end) => {
    const [begins, ends] = [Math.max(start, points[0]?.[0] ?? Number.POSITIVE_INFINITY), Math.min(end, until)]
    return begins < ends ? [area(ends) - area(begins), ends - begins] : null
  }
}

/** By what the counter would show before a time if it never had been reset. */
function counted(points: Points): Curve {
  const totals = [0]
  for (let index = 1; index < points.length; index++) {
    const [before, now] = [points[index - 1]?.[1] as number, points[index]?.[1] as number]
    totals.push((totals.at(-1) as number) + (now >= before ? now - before : now))
  }
  const shown = (time: number) => {
    const last = countBefore(points, time) - 1
    if (last < 0) return 0
    const [at] = points[last] as readonly [number, number]
    const next = points[last + 1]
    if (next === undefined) return totals[last] as number
    const [from, to] = [totals[last], totals[last + 1]] as [number, number]
    return from + ((to - from) * (time - at)) / (next[0] - at)
  }
  const jumps = points.filter(([at], index) => points[index - 1]?.[0] === at).map(([at]) => at)
  return (start, end) => {
    const [first, last] = [points[0]?.[0] ?? 0, points.at(-1)?.[0] ?? 0]
    const isKnown =
      Math.min(end, last) > Math.max(start, first) || jumps.some((at) => at >= start && at < end)
    return points.length > 0 && isKnown ? [shown(end) - shown(start), 0] : null
  }
}

function fill(buckets: readonly (readonly [number, Figures])[], how: 'previous' | 'linear'): void {
  for (let figure = 0; figure < (buckets[0]?.[1].length ?? 0); figure++) {
    const given = buckets.map(([, figures]) => figures[figure] ?? null)
    for (const [index, [start, figures]] of buckets.entries()) {
      if (given[index] !== null) continue
      const before = given.findLastIndex((value, at) => at < index && value !== null)
      const after = given.findIndex((value, at) => at > index && value !== null)
      if (how === 'previous') figures[figure] = given[before] ?? null
      else if (
        before >= 0 &&
        after >= 0 &&
        typeof given[before] === 'number' &&
        typeof given[after] === 'number'
      ) {
        const [from, to] = [buckets[before]?.[0], buckets[after]?.[0]] as [number, number]
        const [low, high] = [given[before], given[after]] as [number, number]
        figures[figure] = low + ((high - low) * (start - from)) / (to - from)
      }
    }
  }
}
