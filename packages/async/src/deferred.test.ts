import { expect, test, vi } from 'vitest'
import { deferred } from './deferred.js'

test('it settles once', async () => {
  const kept = deferred<number>()
  kept.resolve(1)
  kept.resolve(2)
  kept.reject(new Error('too late'))
  expect(await kept.promise).toBe(1)
})

test('a rejection reaches who waits, and ends no process where nobody does', async () => {
  const unhandled = vi.fn()
  process.on('unhandledRejection', unhandled)
  try {
    const broken = deferred()
    broken.reject(new Error('broken'))
    await new Promise((resolve) => setTimeout(resolve, 10))
    expect(unhandled).not.toHaveBeenCalled()
    await expect(broken.promise).rejects.toThrow('broken')
  } finally {
    process.off('unhandledRejection', unhandled)
  }
})
