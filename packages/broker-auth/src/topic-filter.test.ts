import { topicMatches } from '@devicehub/core/transport'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { containsFilter, parseSubscription } from './topic-filter.js'

describe('containment of filters', () => {
  test.each([
    ['#', 'a/b', true],
    ['#', '#', true],
    ['#', '+/#', true],
    ['+/#', '#', true],
    ['+/+/#', '/#', true],
    ['/+/#', '/#', true],
    ['/#', '/+/#', true],
    ['/#', '/', true],
    ['/a/#', '/#', false],
    ['#', '$SYS/a', false],
    ['+/a', '$SYS/a', false],
    ['$SYS/#', '$SYS/a/+', true],
    ['a/#', 'a', true],
    ['a/#', 'a/#', true],
    ['a/+', 'a/#', false],
    ['a/+/#', 'a/#', false],
    ['a/+', 'a/+', true],
    ['a/b', 'a/+', false],
    ['a/+', 'a/', true],
    ['a', 'a/', false],
  ])('%s contains %s: %s', (granted, requested, contained) => {
    expect(containsFilter(granted, requested)).toBe(contained)
  })

  test('is that of the sets of topics that the filters match', () => {
    // `z` is in no filter: it stands for every other text. Two levels more than a filter has stand for any number.
    const topics = topicsOf(['a', 'b', '', '$s', 'z'], 5)
    const level = fc.constantFrom('a', 'b', '', '$s', '+')
    const filter = fc
      .tuple(fc.array(level, { maxLength: 3 }), fc.boolean())
      .map(([levels, all]) => (all ? [...levels, '#'] : levels).join('/'))
      .filter((text) => text !== '')
    const seen = { contained: 0, apart: 0 }
    fc.assert(
      fc.property(filter, filter, (granted, requested) => {
        const contained = topics.every(
          (topic) => !topicMatches(requested, topic) || topicMatches(granted, topic),
        )
        seen[contained ? 'contained' : 'apart']++
        expect(containsFilter(granted, requested)).toBe(contained)
      }),
      { numRuns: 1500 },
    )
    expect(Math.min(seen.contained, seen.apart)).toBeGreaterThan(50)
  })
})

function topicsOf(alphabet: readonly string[], maxLevels: number): string[] {
  let longest: string[] = alphabet.slice()
  const all = [...longest]
  for (let i = 1; i < maxLevels; i++) {
    longest = longest.flatMap((topic) => alphabet.map((level) => `${topic}/${level}`))
    all.push(...longest)
  }
  return all.filter((topic) => topic !== '')
}

test.each([
  ['a/b', { filter: 'a/b', group: null }],
  ['$share/g/a/+', { filter: 'a/+', group: 'g' }],
  ['$share/g//a', { filter: '/a', group: 'g' }],
  ['$share/g/$SYS/#', { filter: '$SYS/#', group: 'g' }],
  ['$share/g', null],
  ['$share/g/', null],
  ['$share//a', null],
  ['$share/+/a', null],
  ['$share/g/$share/h/a', null],
  ['a/#/b', null],
  ['a\n', null],
  ['', null],
])('of %j the subscription is %j', (text, subscription) => {
  expect(parseSubscription(text)).toEqual(subscription)
})
