import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { doneWithin, withTimeout } from './with-timeout.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const never = new Promise<never>(() => {})
const after = <T>(milliseconds: number, value: T) =>
  new Promise<T>((resolve) => setTimeout(resolve, milliseconds, value))

test('work that is done in time settles as it does, and leaves no timer', async () => {
  const late = vi.fn()
  const timely = withTimeout(100, after(50, 'done'), late)
  await vi.advanceTimersByTimeAsync(50)
  expect(await timely).toBe('done')
  await expect(withTimeout(100, Promise.reject(new Error('broken')), late)).rejects.toThrow('broken')
  expect(late).not.toHaveBeenCalled()
  expect(vi.getTimerCount()).toBe(0)
})

test('work that takes longer: what onLate returns or throws', async () => {
  const returned = withTimeout(100, never, () => 'late')
  const thrown = expect(
    withTimeout(100, never, () => {
      throw new Error('too late')
    }),
  ).rejects.toThrow('too late')
  await vi.advanceTimersByTimeAsync(99)
  expect(vi.getTimerCount()).toBe(2)
  await vi.advanceTimersByTimeAsync(1)
  expect(await returned).toBe('late')
  await thrown
})

test('a rejection after the time is dropped', async () => {
  const unhandled = vi.fn()
  process.on('unhandledRejection', unhandled)
  try {
    const slow = after(200, null).then(() => {
      throw new Error('after the time')
    })
    const waited = doneWithin(100, slow)
    await vi.advanceTimersByTimeAsync(300)
    expect(await waited).toBe(false)
    vi.useRealTimers()
    await new Promise((resolve) => setTimeout(resolve, 10))
    expect(unhandled).not.toHaveBeenCalled()
  } finally {
    process.off('unhandledRejection', unhandled)
  }
})

test('doneWithin tells whether it was done in time, and rejects as the work does', async () => {
  expect(await doneWithin(100, Promise.resolve(false))).toBe(true)
  await expect(doneWithin(100, Promise.reject(new Error('broken')))).rejects.toThrow('broken')
  expect(vi.getTimerCount()).toBe(0)
})

test.each([
  ['infinite', Number.POSITIVE_INFINITY],
  // setTimeout calls back at once when given more than 24.8 days.
  ['longer than timers count', 60 * 86_400_000],
])('a time that is %s is not over at once', async (_, milliseconds) => {
  const waited = doneWithin(milliseconds, after(30 * 86_400_000, null))
  await vi.advanceTimersByTimeAsync(30 * 86_400_000)
  expect(await waited).toBe(true)
  expect(vi.getTimerCount()).toBe(0)
})

test('a time longer than timers count ends', async () => {
  const waited = doneWithin(60 * 86_400_000, never)
  await vi.advanceTimersByTimeAsync(60 * 86_400_000)
  expect(await waited).toBe(false)
})
