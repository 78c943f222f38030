import { expect, test } from 'vitest'
import { errorLine, toLine } from './text.js'

test.each([
  ['plain', 'plain'],
  ['21.5 °C 🌡️', '21.5 °C 🌡️'],
  ['two\r\nlines\tand more', 'two lines and more'],
  ['nul\0 bell\x07 escape\x1b[31m csi\x9b31m del\x7f', 'nul? bell? escape?[31m csi?31m del?'],
  ['half \ud83c of a pair', 'half ? of a pair'],
  ['abc\u202edcba\u2066x\u200f', 'abc?dcba?x?'],
])('%j is shown as %j', (text, line) => {
  expect(toLine(text)).toBe(line)
})

test('a long text is cut, and no pair of surrogates in two', () => {
  expect(toLine('x'.repeat(2_000_000), 20)).toBe(`${'x'.repeat(17)}...`)
  expect(toLine(`${'x'.repeat(16)}🌡️${'x'.repeat(20)}`, 20)).toBe(`${'x'.repeat(16)}...`)
})

test('whatever is thrown has a line', () => {
  const unreadable = Object.defineProperty(new Error('x'), 'message', {
    get() {
      throw new Error('from the getter')
    },
  })
  expect(errorLine(new Error('a\nb\0'))).toBe('a b?')
  expect(errorLine('text')).toBe('text')
  for (const thrown of [unreadable, Object.create(null), { toString: () => 17n }, Symbol('s'), undefined])
    expect(errorLine(thrown)).toEqual(expect.any(String))
})
