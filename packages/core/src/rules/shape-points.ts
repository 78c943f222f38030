/** A measured value. */
export interface ShapeSample {
  /** Epoch milliseconds. */
  readonly at: number
  readonly value: number
}

/** Chooses points out of many samples that are given one by one, in the order of their times. */
export interface ShapeSampler {
  add(at: number, value: number): void
  /** At most as many as were asked for: the first, the last, the least and the greatest are among them. */
  points(): ShapeSample[]
}

/** Slices of time, of each of which the least and the greatest are kept, for each point that is wanted. */
const SLICES = 2

/**
 * Points that show the same shape: all where there are no more than wanted. Else of each slice of time the least and the
 * greatest, and among those the ones that stand out most (largest-triangle-three-buckets). Holds so many samples at once,
 * however many there are.
 */
export function createShapeSampler(from: number, to: number, wanted: number): ShapeSampler {
  const slices = SLICES * wanted
  const width = (to - from) / slices
  let all: ShapeSample[] | null = []
  const least: (ShapeSample | undefined)[] = []
  const greatest: (ShapeSample | undefined)[] = []
  let first: ShapeSample | undefined
  let last: ShapeSample | undefined

  return {
    add(at, value) {
      const sample = { at, value }
      first ??= sample
      last = sample
      all?.push(sample)
      if (all !== null && all.length > wanted) all = null
      const slice = Math.min(slices - 1, Math.floor((at - from) / width))
      const [low, high] = [least[slice], greatest[slice]]
      if (low === undefined || value < low.value) least[slice] = sample
      if (high === undefined || value > high.value) greatest[slice] = sample
    },
    points() {
      if (all !== null) return all
      const kept = new Set<ShapeSample>(first === undefined ? [] : [first])
      for (let slice = 0; slice < slices; slice++) {
        const [low, high] = [least[slice], greatest[slice]]
        if (low === undefined || high === undefined) continue
        for (const sample of low.at <= high.at ? [low, high] : [high, low]) kept.add(sample)
      }
      if (last !== undefined) kept.add(last)
      const candidates = [...kept]
      const [low, high] = extremes(candidates)
      const chosen = new Set(largestTriangles(candidates, wanted - 2))
      return candidates.filter((sample) => chosen.has(sample) || sample === low || sample === high)
    },
  }
}

function extremes(samples: readonly ShapeSample[]): readonly [ShapeSample, ShapeSample] {
  let [low, high] = [samples[0], samples[0]] as [ShapeSample, ShapeSample]
  for (const sample of samples) {
    if (sample.value < low.value) low = sample
    if (sample.value > high.value) high = sample
  }
  return [low, high]
}

/** The first, the last, and of each part between them the one that makes the largest triangle with its neighbours. */
function largestTriangles(samples: readonly ShapeSample[], wanted: number): ShapeSample[] {
  if (samples.length <= wanted) return [...samples]
  const end = samples.length - 1
  const chosen = [samples[0] as ShapeSample]
  const size = (end - 1) / (wanted - 2)
  for (let part = 0; part < wanted - 2; part++) {
    const [start, next] = [1 + Math.floor(part * size), 1 + Math.floor((part + 1) * size)]
    const after = mean(samples, next, part === wanted - 3 ? end + 1 : 1 + Math.floor((part + 2) * size))
    const before = chosen.at(-1) as ShapeSample
    let best = samples[start] as ShapeSample
    let largest = -1
    for (let index = start; index < next; index++) {
      const sample = samples[index] as ShapeSample
      const area = Math.abs(
        (before.at - after.at) * (sample.value - before.value) -
          (before.at - sample.at) * (after.value - before.value),
      )
      if (area > largest) [best, largest] = [sample, area]
    }
    chosen.push(best)
  }
  return [...chosen, samples[end] as ShapeSample]
}

function mean(samples: readonly ShapeSample[], start: number, end: number): ShapeSample {
  let [at, value] = [0, 0]
  const count = Math.min(end, samples.length) - start
  for (let index = start; index < start + count; index++) {
    const sample = samples[index] as ShapeSample
    at += sample.at / count
    value += sample.value / count
  }
  return { at, value }
}
