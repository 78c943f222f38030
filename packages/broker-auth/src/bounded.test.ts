import { expect, test } from 'vitest'
import { createBounded } from './bounded.js'

const never = () => new Promise<string>(() => {})

test.each([2, 4, 16])('a bound of %s is not filled by one user name', async (max) => {
  const shed: string[] = []
  const bounded = createBounded({ max, timeout: 60_000, until: 'settled', onShed: (why) => shed.push(why) })
  for (let run = 0; run < max - 1; run++) void bounded.run('one', never, 'shed')
  expect(await bounded.run('one', never, 'shed')).toBe('shed')
  expect(bounded.pending).toBe(max - 1)
  expect(await bounded.run('other', async () => 'done', 'shed')).toBe('done')
  expect(shed).toEqual(['full'])
})

test('a bound of one serves one after the other, whoever comes', async () => {
  const bounded = createBounded({ max: 1, timeout: 60_000, until: 'settled', onShed: () => {} })
  for (const name of ['one', 'one', 'other'])
    expect(await bounded.run(name, async () => name, 'shed')).toBe(name)
})
