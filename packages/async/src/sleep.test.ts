import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { sleep } from './sleep.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('it resolves after the time, and leaves nothing at the signal', async () => {
  const { signal } = new AbortController()
  const over = vi.fn()
  void sleep(100, signal).then(over)
  await vi.advanceTimersByTimeAsync(99)
  expect(over).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(1)
  expect(over).toHaveBeenCalled()
  expect(getEventListeners(signal, 'abort')).toEqual([])
})

test('an abort ends it, and leaves no timer', async () => {
  const controller = new AbortController()
  const slept = sleep(100, controller.signal)
  controller.abort(new Error('why'))
  await slept
  await sleep(100, controller.signal)
  expect(vi.getTimerCount()).toBe(0)
  expect(getEventListeners(controller.signal, 'abort')).toEqual([])
})
