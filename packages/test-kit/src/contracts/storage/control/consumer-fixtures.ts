import type { Storage } from '@devicehub/core'
import type { ConsumerRecord, ConsumerStart, ConsumerStep, NewFailure } from '@devicehub/core/storage'
import { expect } from 'vitest'
import { newId, Sensor, T0 } from '../fixtures.js'
import { everyPage } from '../harness.js'

export const upTo = (count: number) => Array.from({ length: count }, (_, index) => index)

export const start = (name: string, more: Partial<ConsumerStart> = {}): ConsumerStart => ({
  name,
  epoch: 1,
  typeKeys: [Sensor.key],
  cursor: null,
  now: T0,
  ...more,
})
export const step = (
  name: string,
  from: string | null,
  to: string,
  more: Partial<ConsumerStep> = {},
): ConsumerStep => ({
  name,
  epoch: 1,
  from,
  to,
  passed: 1,
  setAside: [],
  now: T0 + 1,
  ...more,
})
export const failure = (id: number, more: Partial<NewFailure> = {}): NewFailure => ({
  ref: { typeKey: Sensor.key, id: String(id) },
  deviceId: `device ${id}`,
  error: `error ${id}`,
  attempts: 3,
  // A time that a Date can hold, whatever the id.
  failedAt: T0 + (id % 1_000_000),
  ...more,
})
export async function opened(storage: Storage, more: Partial<ConsumerStart> = {}): Promise<string> {
  const name = newId('consumer')
  expect(await storage.consumers.open(start(name, more))).not.toBeNull()
  return name
}
/** With these messages set aside, in this order. */
export async function withFailures(storage: Storage, ids: readonly number[]): Promise<string> {
  const name = await opened(storage)
  const setAside = ids.map((id) => failure(id))
  expect(await storage.consumers.advance(step(name, null, 'a', { setAside }))).toBe(true)
  return name
}
export const recordOf = async (storage: Storage, name: string): Promise<ConsumerRecord> => {
  const record = await storage.consumers.get(name)
  if (!record) throw new Error(`${name} is not there`)
  return record
}
export const failuresOf = async (storage: Storage, name: string, limit = 1000) =>
  (await everyPage((cursor) => storage.consumers.failures(name, { limit, cursor }))).items
export const idsOf = async (storage: Storage, name: string) =>
  (await failuresOf(storage, name)).map(({ ref }) => Number(ref.id))
