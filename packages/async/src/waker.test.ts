import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createWaker } from './waker.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('a wait lasts its time unless somebody wakes it', async () => {
  const waker = createWaker()
  const over = vi.fn()
  void waker.wait(100).then(over)
  await vi.advanceTimersByTimeAsync(99)
  expect(over).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(1)
  expect(over).toHaveBeenCalled()
  const woken = waker.wait(100)
  waker.wake()
  await woken
  expect(vi.getTimerCount()).toBe(0)
})

test('a wake between two waits ends the next, and only that', async () => {
  const waker = createWaker()
  waker.wake()
  waker.wake()
  await waker.wait(100)
  const over = vi.fn()
  void waker.wait(100).then(over)
  await vi.advanceTimersByTimeAsync(99)
  expect(over).not.toHaveBeenCalled()
})
