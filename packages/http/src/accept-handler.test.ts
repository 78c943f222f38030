import { expect, test } from 'vitest'
import { expressHandler, fastifyPlugin, honoHandler, nodeListener, secretEquals } from './index.js'

test.each([
  ['expressHandler', expressHandler],
  ['fastifyPlugin', fastifyPlugin],
  ['honoHandler', honoHandler],
  ['nodeListener', nodeListener],
])('%s says at once that it was given no handler', (name, mount) => {
  for (const handler of [undefined, null, {}, 'x', { fetch() {} }])
    expect(() => mount(handler as never)).toThrow(
      expect.objectContaining({
        code: 'invalid_options',
        message: expect.stringMatching(`^${name}: handler must be a function, not`),
      }),
    )
})

test('what is no text is equal to no secret', () => {
  for (const [given, expected] of [
    [undefined, undefined],
    [null, 'null'],
    [5, 5],
    ['a', undefined],
  ])
    expect(secretEquals(given as never, expected as never)).toBe(false)
})
