import { REFUSAL_CODES, type Refusal, type RefusalCode } from '../ingest/ingest.js'
import {
  accept,
  anyText,
  date,
  integer,
  type OptionalRule,
  optional,
  options,
  satisfies,
  text,
  word,
} from '../model/check/index.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import { isDeviceType } from '../model/device-type/is-device-type.js'
import { deviceType } from '../model/device-type/type-rule.js'
import { DeviceHubError } from '../model/errors.js'
import type { MessageRef } from '../model/message.js'
import { DEVICE_STATUSES } from '../model/statuses.js'
import { brokerName } from '../ports/checks.js'
import type { DeviceRecord } from '../ports/devices.js'
import type { StatusTransition } from '../ports/storage.js'
import { device, deviceId, messageRef, time } from '../rules/port-rules.js'

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

const LOOKED_UP = text({ max: 255 })

/** An id of a device that may be there or not; whether a new one is well formed says `assertDeviceId`. */
export const acceptDeviceId = (call: string, deviceId: unknown): string =>
  accept(call, 'deviceId', LOOKED_UP, deviceId, 'invalid_device_id')

/** A row of a message will do as well. */
export const acceptRef = (call: string, ref: unknown): MessageRef =>
  accept(call, 'ref', messageRef, ref, 'invalid_query')
// Why a topic handler failed is text that may be anybody's: it is cut and cleaned where it is stored.
const REFUSAL = options<Refusal>({
  code: word(...(Object.keys(REFUSAL_CODES) as RefusalCode[])),
  reason: satisfies<string>('a text', (value) => typeof value === 'string'),
})

export const acceptRefusal = (refusal: unknown): Refusal =>
  accept('hub.quarantine', 'refusal', REFUSAL, refusal)

export const acceptBroker = (broker: unknown): string | undefined =>
  broker === undefined ? undefined : accept('hub.publish', 'broker', brokerName, broker)

interface Announcement {
  readonly transition: StatusTransition
  readonly record: DeviceRecord
  readonly reason: string
}

const ANNOUNCEMENT = options<Announcement>({
  transition: options<StatusTransition>({
    type: deviceType,
    deviceId,
    from: word(...DEVICE_STATUSES),
    to: word(...DEVICE_STATUSES),
    at: time,
  }),
  record: device,
  reason: anyText(),
})

export const acceptAnnouncement = (transition: unknown, record: unknown, reason: unknown): Announcement =>
  accept('hub.announce', 'arguments', ANNOUNCEMENT, { transition, record, reason })

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
