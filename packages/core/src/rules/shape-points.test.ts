import { expect, test } from 'vitest'
import { createShapeSampler } from './shape-points.js'

const shape = (values: readonly number[], wanted: number) => {
  const sampler = createShapeSampler(0, values.length, wanted)
  values.forEach((value, at) => {
    sampler.add(at, value)
  })
  return sampler.points()
}

test('all samples where they are no more than wanted', () => {
  expect(shape([3, 1, 2], 4)).toEqual([
    { at: 0, value: 3 },
    { at: 1, value: 1 },
    { at: 2, value: 2 },
  ])
  expect(shape([], 4)).toEqual([])
})

test('at most so many, in order, with the first, the last and each peak of its own', () => {
  for (const wanted of [4, 5, 50, 800]) {
    const values = Array.from({ length: 50_000 }, (_, at) => Math.sin(at / 4000))
    values[12_345] = 40
    values[33_333] = -70
    const points = shape(values, wanted)
    expect(points.length).toBeLessThanOrEqual(wanted)
    expect(points.map(({ at }) => at)).toEqual([...points.map(({ at }) => at)].sort((a, b) => a - b))
    for (const { at, value } of points) expect(values[at]).toBe(value)
    for (const at of [0, 12_345, 33_333, 49_999]) expect(points).toContainEqual({ at, value: values[at] })
  }
})

test('every one of a few peaks stays where there is room for all', () => {
  const values = Array.from({ length: 100_000 }, (_, at) => (at % 7) / 100)
  const peaks = Array.from({ length: 40 }, (_, index) => 1_000 + index * 2_400)
  for (const at of peaks) values[at] = 100 + at / 1e6
  const found = new Set(shape(values, 800).map(({ at }) => at))
  expect(peaks.filter((at) => !found.has(at))).toEqual([])
})
