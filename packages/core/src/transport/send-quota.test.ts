import { expect, test } from 'vitest'
import { createSendQuota } from './send-quota.js'

/** Lets every promise that can settle do so. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

test('never more than the limit are in flight, and those who wait are served in order', async () => {
  const quota = createSendQuota(3)
  const served: number[] = []
  let most = 0
  const send = async (i: number) => {
    await quota.acquire()
    served.push(i)
    most = Math.max(most, quota.inFlight)
    await turn()
    quota.release()
  }
  await Promise.all(Array.from({ length: 5000 }, (_, i) => send(i)))
  expect(most).toBe(3)
  expect(served).toEqual(Array.from({ length: 5000 }, (_, i) => i))
  expect(quota.inFlight).toBe(0)
})

test('a larger limit lets those who wait go at once', async () => {
  const quota = createSendQuota(1)
  const served: number[] = []
  for (const i of [1, 2, 3, 4]) void quota.acquire().then(() => served.push(i))
  await turn()
  expect(served).toEqual([1])
  quota.resize(3)
  await turn()
  expect(served).toEqual([1, 2, 3])
})

test('a smaller limit waits until enough were released', async () => {
  const quota = createSendQuota(3)
  for (let i = 0; i < 3; i++) await quota.acquire()
  let served = false
  void quota.acquire().then(() => {
    served = true
  })
  quota.resize(1)
  quota.release()
  quota.release()
  await turn()
  expect(served).toBe(false)
  quota.release()
  await turn()
  expect(served).toBe(true)
})

test('whoever does not wait cannot overtake those who do', async () => {
  const quota = createSendQuota(1)
  expect(quota.tryAcquire()).toBe(true)
  expect(quota.tryAcquire()).toBe(false)
  let served = false
  void quota.acquire().then(() => {
    served = true
  })
  quota.release()
  expect(quota.tryAcquire()).toBe(false)
  await turn()
  expect(served).toBe(true)
})

test('closing rejects those who wait and those who ask later', async () => {
  const quota = createSendQuota(1)
  await quota.acquire()
  const waiting = quota.acquire()
  quota.close(new Error('gone'))
  await expect(waiting).rejects.toThrow('gone')
  await expect(quota.acquire()).rejects.toThrow('gone')
  expect(quota.tryAcquire()).toBe(false)
})

test('a release too many and a limit below one are refused', () => {
  const quota = createSendQuota(1)
  expect(() => quota.release()).toThrow(/no acquire/)
  expect(() => quota.resize(0)).toThrow(/from 1 up/)
  expect(() => createSendQuota(1.5)).toThrow(/from 1 up/)
})
