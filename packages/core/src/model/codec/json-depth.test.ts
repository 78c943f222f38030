import { expect, test } from 'vitest'
import { nestsDeeperThan } from './json-depth.js'

const deeper = (text: string, max: number) => nestsDeeperThan(new TextEncoder().encode(text), max)

test.each([
  ['[[[]]]', 3],
  ['{"a":{"b":[]}}', 3],
  ['[[],[],[],[]]', 2],
  ['["[[[[", "{{{\\"[[[", "\\\\"]', 1],
  ['"[', 0],
  ['', 0],
  ['17', 0],
])('%s has %i levels', (text, levels) => {
  expect(deeper(text, levels)).toBe(false)
  if (levels > 0) expect(deeper(text, levels - 1)).toBe(true)
})

test('text that is no JSON is looked at all the same', () => {
  expect(deeper(']]]]]][', 0)).toBe(false)
  expect(deeper('[[[[', 3)).toBe(true)
  expect(deeper('\\', 0)).toBe(false)
})
