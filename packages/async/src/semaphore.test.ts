import { expect, test } from 'vitest'
import { createSemaphore } from './semaphore.js'

const turn = () => new Promise((resolve) => setImmediate(resolve))

test('so many are in at once', () => {
  const semaphore = createSemaphore(2)
  expect([semaphore.tryEnter(), semaphore.tryEnter(), semaphore.tryEnter()]).toEqual([true, true, false])
  expect(semaphore.taken).toBe(2)
  semaphore.leave()
  expect(semaphore.taken).toBe(1)
  expect(semaphore.tryEnter()).toBe(true)
})

test('who waits gets the next place, in order; nobody gets in before', async () => {
  const semaphore = createSemaphore(1)
  const order: string[] = []
  await semaphore.enter()
  for (const name of ['a', 'b']) void semaphore.enter().then(() => order.push(name))
  semaphore.leave()
  expect(semaphore.tryEnter()).toBe(false)
  await turn()
  expect(order).toEqual(['a'])
  semaphore.leave()
  await turn()
  expect(order).toEqual(['a', 'b'])
  semaphore.leave()
  expect(semaphore.taken).toBe(0)
})
