import { expect, test } from 'vitest'
import { createCondition } from './condition.js'

const turn = () => new Promise((resolve) => setImmediate(resolve))

test('what holds already is not waited for', async () => {
  await createCondition().when(() => true)
})

test('each wait ends with the first check that finds its own state, in the order they began', async () => {
  const condition = createCondition()
  const order: string[] = []
  let held = 3
  for (const [name, below] of [['a', 1], ['b', 3], ['c', 2], ['d', 3]] as const) // biome-ignore format: a table
    void condition.when(() => held < below).then(() => order.push(name))
  condition.check()
  await turn()
  expect(order).toEqual([])
  held = 2
  await turn()
  expect(order).toEqual([])
  condition.check()
  await turn()
  expect(order).toEqual(['b', 'd'])
  held = 0
  condition.check()
  await turn()
  expect(order).toEqual(['b', 'd', 'a', 'c'])
})
