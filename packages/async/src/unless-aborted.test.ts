import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { unlessAborted } from './unless-aborted.js'

const never = new Promise<never>(() => {})

test('it settles as the work does, and leaves nothing at the signal', async () => {
  const { signal } = new AbortController()
  expect(await unlessAborted(signal, Promise.resolve(1))).toBe(1)
  await expect(unlessAborted(signal, Promise.reject(new Error('broken')))).rejects.toThrow('broken')
  expect(getEventListeners(signal, 'abort')).toEqual([])
})

test('an abort ends it with the reason, or with what onAbort returns', async () => {
  const controller = new AbortController()
  const rejected = expect(unlessAborted(controller.signal, never)).rejects.toThrow('why')
  const returned = unlessAborted(controller.signal, never, () => 'aborted')
  controller.abort(new Error('why'))
  await rejected
  expect(await returned).toBe('aborted')
  expect(getEventListeners(controller.signal, 'abort')).toEqual([])
})

test('without a signal it settles as the work does', async () => {
  expect(await unlessAborted(undefined, Promise.resolve(1))).toBe(1)
})

test('a signal that is aborted already comes before work that is done', async () => {
  const gone = AbortSignal.abort(new Error('why'))
  await expect(unlessAborted(gone, Promise.resolve(1))).rejects.toThrow('why')
  await expect(unlessAborted(gone, Promise.reject(new Error('broken')))).rejects.toThrow('why')
})
