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

test('what somebody has to mend is told once, with the remedy and without a stack, however often it is tried', async () => {
  const { retry, logged } = make(10_000)
  const outdated = (tries: number) => {
    let left = tries
    return async () => {
      if (left-- > 0) throw new DeviceHubError('schema_outdated', 'run `storage.migrate()`')
    }
  }
  await Promise.all([1, 2, 3].map(() => retry(outdated(5), () => false)))
  expect(logged).toEqual([
    'nothing is stored and nothing acknowledged until this is mended: run `storage.migrate()`',
  ])
  await retry(outdated(1), () => false)
  expect(logged).toHaveLength(2)
})

test('a database that was closed is not tried again: the caller is told, and the fault stays', async () => {
  const { retry, logged } = make(10_000)
  let tries = 0
  const attempt = async () => {
    tries++
    throw new DeviceHubError('closed', 'close the hub first')
  }
  for (let call = 0; call < 2; call++)
    await expect(retry(attempt, () => false)).rejects.toMatchObject({ code: 'closed' })
  expect(tries).toBe(2)
  expect(retry.fault()).toMatchObject({ code: 'closed', message: 'close the hub first' })
  expect(logged).toEqual(['this hub stores nothing any more, and acknowledges nothing: close the hub first'])
})
