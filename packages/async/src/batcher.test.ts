import { expect, test, vi } from 'vitest'
import { createBatcher } from './batcher.js'
import { type Deferred, deferred } from './deferred.js'

const turn = () => new Promise((resolve) => setImmediate(resolve))

function record(bounds: { maxItems?: number; maxSize?: number } = {}) {
  const batches: { readonly items: readonly string[]; readonly size: number; readonly done: Deferred }[] = []
  const batcher = createBatcher<string>({
    ...bounds,
    process(items, size) {
      const done = deferred()
      batches.push({ items, size, done })
      return done.promise
    },
  })
  return { batches, batcher, contents: () => batches.map(({ items }) => items.join('')) }
}

test('what comes in one turn is one batch; what comes during a batch is the next', async () => {
  const { batches, batcher, contents } = record()
  batcher.push('a')
  batcher.push('b')
  expect(contents()).toEqual([])
  const idle = vi.fn()
  void batcher.idle().then(idle)
  await turn()
  batcher.push('c')
  batcher.push('d')
  await turn()
  expect(contents()).toEqual(['ab'])
  batches[0]?.done.resolve()
  await turn()
  expect(contents()).toEqual(['ab', 'cd'])
  expect(idle).not.toHaveBeenCalled()
  batches[1]?.done.resolve()
  await turn()
  expect(idle).toHaveBeenCalled()
  batcher.push('e')
  await turn()
  expect(contents()).toEqual(['ab', 'cd', 'e'])
})

test('a batch is bounded in items and size, and holds one item at least', async () => {
  const { batches, batcher, contents } = record({ maxItems: 3, maxSize: 10 })
  for (const [item, size] of [['a', 1], ['b', 1], ['c', 1], ['d', 4], ['e', 7], ['f', 20], ['g', 1]] as const) // biome-ignore format: a table
    batcher.push(item, size)
  for (let at = 0; at < 5; at++) {
    await turn()
    batches[at]?.done.resolve()
  }
  expect(contents()).toEqual(['abc', 'd', 'e', 'f', 'g'])
  expect(batches.map(({ size }) => size)).toEqual([3, 4, 7, 20, 1])
})

test('what waits can be taken out', async () => {
  const { batches, batcher, contents } = record({ maxItems: 1 })
  batcher.push('a')
  batcher.push('b')
  await turn()
  batcher.clear()
  batches[0]?.done.resolve()
  await turn()
  expect(contents()).toEqual(['a'])
  await batcher.idle()
})
