import { expect, test } from 'vitest'
import { splitBatch } from './split-batch.js'

const sizeOf = (sample: string) => sample.length

test('fills each batch to the bounds and keeps the order', () => {
  const samples = ['aa', 'b', 'ccc', 'd', 'e']
  expect(splitBatch(samples, { maxSamples: 2, maxBytes: 100, sizeOf })).toEqual([
    ['aa', 'b'],
    ['ccc', 'd'],
    ['e'],
  ])
  // A sample counts one byte more, for the comma.
  expect(splitBatch(samples, { maxSamples: 9, maxBytes: 5, sizeOf })).toEqual([
    ['aa', 'b'],
    ['ccc'],
    ['d', 'e'],
  ])
})

test('a sample above the bound makes a batch of its own, and nothing makes none', () => {
  expect(splitBatch(['a', 'xxxxxxxxx', 'b'], { maxSamples: 9, maxBytes: 5, sizeOf })).toEqual([
    ['a'],
    ['xxxxxxxxx'],
    ['b'],
  ])
  expect(splitBatch([], { maxSamples: 9, maxBytes: 5, sizeOf })).toEqual([])
})
