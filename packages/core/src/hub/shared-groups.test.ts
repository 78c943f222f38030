import { expect, test } from 'vitest'
import { createSharedGroups, type ForbiddenGroups } from './shared-groups.js'

const rule = { because: 'devices could join', remedy: 'Leave it out' }

test('a rule without a broker holds for each; the first that concerns a broker is named', () => {
  const groups = createSharedGroups()
  groups.forbid({ ...rule, broker: 'field' })
  const leave = groups.join('cloud', 'ingest')
  expect(() => groups.join('field', 'ingest')).toThrow(
    'broker "field": no listener may be in a group there (this one is in "ingest"), since devices could join. Leave it out',
  )
  expect(() => groups.forbid(rule)).toThrow(/broker "cloud"/)
  leave()
  groups.forbid(rule)
  expect(() => groups.assertAllowed('cloud', 'ingest')).toThrow(/broker "cloud"/)
})

test.each([
  [{ because: 'x' }, /remedy/],
  [{ ...rule, broker: 'a\nb' }, /broker/],
  [{ ...rule, brokr: 'a' }, /brokr.*broker/],
  [null, /rule/],
])('%o is refused', (given, message) => {
  const forbid = () => createSharedGroups().forbid(given as unknown as ForbiddenGroups)
  expect(forbid).toThrow(
    expect.objectContaining({ code: 'invalid_options', message: expect.stringMatching(message) }),
  )
})
