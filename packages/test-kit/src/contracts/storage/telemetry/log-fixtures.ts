import type { AnyDeviceType, Storage } from '@devicehub/core'
import type { StoredMessage } from '@devicehub/core/storage'
import { expect } from 'vitest'
import { entry, Meter, Sensor } from '../fixtures.js'

export const ALL = [Sensor, Meter, null] as const

/** Everything from a cursor on, in pages. */
export async function follow(
  storage: Storage,
  types: readonly (AnyDeviceType | null)[],
  from: string | null,
  limit: number,
) {
  const messages: StoredMessage[] = []
  let cursor = from
  for (;;) {
    const page = await storage.log.read(types, cursor, limit)
    expect(page.messages.length).toBeLessThanOrEqual(limit)
    if (page.messages.length === 0) return { messages, cursor: page.cursor }
    messages.push(...page.messages)
    cursor = page.cursor
  }
}

export const numbers = (messages: readonly StoredMessage[]) =>
  messages.map((one) => Number(one.correlationId))
export const numbered = (type: AnyDeviceType | null, deviceId: string, from: number, count: number) =>
  Array.from({ length: count }, (_, index) =>
    entry(type, deviceId, [], { correlationId: String(from + index) }),
  )
export const upTo = (count: number) => Array.from({ length: count }, (_, index) => index)
