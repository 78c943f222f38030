import { expect, test } from 'vitest'
import { createBackoff } from './backoff.js'

test('it begins with the options given', () => {
  expect(createBackoff({ min: '100ms', jitter: 0 }).next()).toBe(100)
})

test.each([
  [{ min: 10, max: 5 }, /min 10s and max 5s/],
  [{ factor: 0.5 }, /factor must be a number from 1 up/],
  [{ jitter: 2 }, /jitter must be a number from 0 to 1/],
])('%o is refused', (options, message) => {
  expect(() => createBackoff(options)).toThrow(message)
})
