import { expect, test } from 'vitest'
import { DeviceHubError } from '../model/errors.js'
import { systemClock } from '../ports/clock.js'
import { silentLogger } from '../ports/logger.js'
import { createRetry } from './retry.js'

function make(slowAfter: number) {
  const logged: string[] = []
  const retry = createRetry({
    delay: { min: 1, max: 2 },
    refusedMax: 5,
    slowAfter,
    signal: new AbortController().signal,
    logger: { ...silentLogger, error: (_fields, message) => void logged.push(message ?? '') },
    clock: systemClock,
    onRetry: () => {},
  })
  return { retry, logged }
}

const until = async (condition: () => boolean) => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1))
}

test('a try without an answer is a fault while it lasts', async () => {
  const { retry, logged } = make(10)
  const before = Date.now()
  let answer: (value: string) => void = () => {}
  const result = retry(
    () => new Promise<string>((resolve) => (answer = resolve)),
    () => true,
  )
  expect(retry.fault()).toBeNull()
  await until(() => retry.fault() !== null)
  const fault = retry.fault()
  expect(fault).toMatchObject({
    code: 'storage_unavailable',
    message: expect.stringContaining('not answered'),
  })
  expect(fault?.since.getTime()).toBeGreaterThanOrEqual(before)
  expect(logged).toEqual(['nothing is acknowledged until the database answers'])
  answer('done')
  expect(await result).toBe('done')
  expect(retry.fault()).toBeNull()
})

test('a try that fails is a fault until the next one works', async () => {
  const { retry } = make(10_000)
  const seen: unknown[] = []
  let tries = 0
  const attempt = async () => {
    seen.push(retry.fault()?.message ?? null)
    if (++tries < 3) throw new DeviceHubError('storage_unavailable', `try ${tries}`)
  }
  await retry(attempt, () => false)
  expect(seen).toEqual([null, 'try 1', 'try 2'])
  expect(retry.fault()).toBeNull()
})
