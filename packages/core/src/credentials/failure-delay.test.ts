import { expect, it } from 'vitest'
import { createFailureDelays } from './failure-delay.js'

it('a pause grows with the wrong passwords of a name, up to a bound, and ends with a right one', () => {
  const pauses = createFailureDelays(() => 0)
  const after = (...matched: boolean[]) => matched.map((one) => pauses.after('lock-1', one))
  expect(after(...Array<boolean>(10).fill(false))).toEqual([0, 0, 0, 0, 0, 50, 100, 200, 250, 250])
  expect(Math.max(...after(...Array<boolean>(2_000).fill(false)))).toBe(250)
  expect(pauses.after('lock-2', false)).toBe(0)
  expect(after(true, false)).toEqual([0, 0])
})

it('a minute without a wrong password forgets them', () => {
  let now = 0
  const pauses = createFailureDelays(() => now)
  for (let i = 0; i < 9; i++) pauses.after('lock-1', false)
  now = 59_999
  expect(pauses.after('lock-1', false)).toBe(250)
  now += 60_000
  expect(pauses.after('lock-1', false)).toBe(0)
})
