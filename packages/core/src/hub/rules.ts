import {
  accept,
  date,
  flag,
  integer,
  number,
  type OptionalRule,
  optional,
  options,
  text,
  word,
} from '../check/index.js'
import { isDeviceType } from '../device-type/define-device-type.js'
import type { AnyDeviceType } from '../device-type/device-type.js'
import { DeviceHubError } from '../errors.js'
import { DEVICE_STATUSES, type MessageRef } from '../ports/storage.js'
import { messageRef } from '../storage/port-rules.js'

/** What several calls of the hub take. */

/** Milliseconds that a timer can hold. */
export const TIMER_MAX = 2_147_483_647

/** Rows a page, where none were asked for. */
export const PAGE_LIMIT = 100

export const PAGE = {
  limit: optional(integer({ min: 1, max: 1000 })),
  // What it says is looked at by the storage; a cursor of ours is short.
  cursor: optional(text({ max: 1024 })),
}

export const PAGE_OPTIONS = options<{ readonly limit?: number; readonly cursor?: string | undefined }>(PAGE)

/** Of a query: an id that no device can have finds nothing. */
export const ID_FILTER: OptionalRule<string | undefined> = optional(text({ max: 255 }))

export const RANGE = { deviceId: ID_FILTER, from: optional(date), to: optional(date) }

export const DEVICE_FILTER = {
  status: optional(word(...DEVICE_STATUSES)),
  isActive: optional(flag),
  search: optional(text({ min: 0, max: 255 })),
}

const LOOKED_UP = text({ max: 255 })

/** An id of a device that may be there or not; whether a new one is well formed says `assertDeviceId`. */
export const acceptDeviceId = (call: string, deviceId: unknown): string =>
  accept(call, 'deviceId', LOOKED_UP, deviceId, 'invalid_device_id')

/** A row of a message will do as well. */
export const acceptRef = (call: string, ref: unknown): MessageRef =>
  accept(call, 'ref', messageRef, ref, 'invalid_query')

export const CLOSE = options<{ readonly timeout?: number }>({
  timeout: optional(number({ min: 0, max: TIMER_MAX })),
})

/** Refuses with `unknown_type` what is not a type of the hub. */
export type AssertType = (call: string, type: AnyDeviceType) => void

export function createAssertType(types: readonly AnyDeviceType[]): AssertType {
  return (call, type) => {
    if (types.includes(type)) return
    const known = types.map(({ name }) => name).join(', ') || 'none'
    const what = isDeviceType(type) ? String(type.name) : 'type'
    throw new DeviceHubError(
      'unknown_type',
      `${call}: ${what} is not a type of this hub (${known}); list it in createDeviceHub({ types })`,
      { details: { function: call, key: 'type' } },
    )
  }
}
