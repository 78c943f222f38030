import { expect, test } from 'vitest'
import { createBegunSessions } from './begun-sessions.js'

test('an end is of what began, once; of what was refused meanwhile it is not, for a minute', () => {
  let now = 0
  const sessions = createBegunSessions(() => now)
  sessions.refused('a')
  expect(sessions.ended('a')).toBe(false)
  sessions.began('a')
  sessions.refused('a')
  sessions.refused('a')
  expect([sessions.ended('a'), sessions.ended('a'), sessions.ended('a'), sessions.ended('a')]).toEqual([
    false,
    false,
    true,
    false,
  ])
  sessions.began('b')
  sessions.refused('b')
  now = 60_000
  expect(sessions.ended('b')).toBe(true)
})

test('a clock that is set back does not have refusals wait longer', () => {
  let now = 3_600_000
  const sessions = createBegunSessions(() => now)
  sessions.began('a')
  sessions.refused('a')
  now = 0
  expect(sessions.ended('a')).toBe(true)
})

test('a new beginning forgets no refusal whose end is still to come', () => {
  const sessions = createBegunSessions(() => 0)
  sessions.began('a')
  sessions.refused('a')
  sessions.began('a')
  expect([sessions.ended('a'), sessions.ended('a')]).toEqual([false, true])
})

test('so many are remembered, the latest', () => {
  const sessions = createBegunSessions(() => 0, 2)
  for (const each of ['a', 'b', 'a', 'c']) sessions.began(each)
  expect(['a', 'b', 'c'].map(sessions.ended)).toEqual([true, false, true])
})
