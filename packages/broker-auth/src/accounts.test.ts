import { expect, test } from 'vitest'
import { createAccountCache } from './accounts.js'

test.each([
  ['runs on', 60_000],
  ['is set back', -3_600_000],
])('an account is asked for again when the clock %s', (_, step) => {
  const clock = { time: 7_200_000, now: () => clock.time }
  const cache = createAccountCache(60_000, clock)
  const account = { publish: ['#'], subscribe: [] }
  cache.set('system', undefined, account)
  clock.time += 59_999
  expect(cache.get('system', undefined)).toBe(account)
  clock.time += step
  expect(cache.get('system', undefined)).toBeNull()
})
