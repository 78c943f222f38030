import { expect, test } from 'vitest'
import { secretEquals } from './secret-equals.js'

test.each([
  ['secret', 'secret', true],
  ['', '', true],
  ['secret', 'secreT', false],
  ['secret', 'secret ', false],
  ['', 'secret', false],
  ['s'.repeat(100_000), 'secret', false],
  ['\u00e9', 'e\u0301', false],
])('%.10j and %j: %s', (given, expected, same) => {
  expect(secretEquals(given, expected)).toBe(same)
})
