import { expect, test } from 'vitest'
import { createBackoff } from './backoff.js'

test('delays grow by the factor and stop at the maximum', () => {
  const backoff = createBackoff({ min: 100, max: 1000, factor: 2, jitter: 0 })
  expect([1, 2, 3, 4, 5, 6].map(() => backoff.next())).toEqual([100, 200, 400, 800, 1000, 1000])
})

test('jitter takes away at most its share', () => {
  const delayAt = (random: number) => createBackoff({ min: 1000, jitter: 0.5, random: () => random }).next()
  expect(delayAt(0)).toBe(1000)
  expect(delayAt(0.5)).toBe(750)
  expect(delayAt(0.999999)).toBe(500)
})

test('two devices with the defaults do not come back at the same moment', () => {
  const delays = new Set(Array.from({ length: 100 }, () => createBackoff().next()))
  expect(delays.size).toBeGreaterThan(50)
})

test('a reset starts over', () => {
  const backoff = createBackoff({ min: 100, jitter: 0 })
  backoff.next()
  backoff.next()
  expect(backoff.attempts).toBe(2)
  backoff.reset()
  expect(backoff.next()).toBe(100)
})

test('thousands of attempts stay at the maximum', () => {
  const backoff = createBackoff({ min: 1000, max: 60_000, jitter: 0 })
  for (let i = 0; i < 5000; i++) backoff.next()
  expect(backoff.next()).toBe(60_000)
})
