import { expect, test } from 'vitest'
import { createSilentEnds } from './silent-ends.js'

const silent = { withoutReason: true, lasted: 0.5 }

test('three ends without a reason, each soon and each after a first attempt, are enough', () => {
  const ends = createSilentEnds()
  expect([1, 2, 3, 4].map(() => ends.ended(silent))).toEqual([0, 0, 3, 4])
  ends.failed()
  expect([1, 2, 3].map(() => ends.ended(silent))).toEqual([0, 0, 3])
})

test.each([
  ['an end with a reason', { ...silent, withoutReason: false }],
  ['a connection that lasted', { ...silent, lasted: 60 }],
])('%s begins anew', (_title, other) => {
  const ends = createSilentEnds()
  ends.ended(silent)
  ends.ended(silent)
  expect(ends.ended(other)).toBe(0)
  expect([1, 2].map(() => ends.ended(silent))).toEqual([0, 0])
})
