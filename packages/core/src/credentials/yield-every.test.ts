import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createYieldEvery } from './yield-every.js'

test('of many at once so many go on in each turn of the event loop, in order', async () => {
  const yieldEvery = createYieldEvery(4)
  const gone: number[] = []
  for (let n = 0; n < 10; n++) void yieldEvery().then(() => gone.push(n))
  await Promise.resolve()
  expect(gone).toEqual([0, 1, 2, 3])
  await nextTurn()
  expect(gone).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  await nextTurn()
  expect(gone).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
})

test('one alone goes on at once, and again when a turn has passed', async () => {
  const yieldEvery = createYieldEvery(1)
  for (let n = 0; n < 3; n++) {
    let isGone = false
    void yieldEvery().then(() => {
      isGone = true
    })
    await Promise.resolve()
    expect(isGone).toBe(true)
    await nextTurn()
    await nextTurn()
  }
})

test('who comes while others wait does not overtake them', async () => {
  const yieldEvery = createYieldEvery(2)
  const gone: string[] = []
  for (const name of ['a', 'b', 'c', 'd', 'e']) void yieldEvery().then(() => gone.push(name))
  await nextTurn()
  void yieldEvery().then(() => gone.push('late'))
  await nextTurn()
  await nextTurn()
  expect(gone).toEqual(['a', 'b', 'c', 'd', 'e', 'late'])
})
