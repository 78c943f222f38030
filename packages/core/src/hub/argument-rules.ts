import {
  accept,
  anything,
  date,
  either,
  flag,
  integer,
  list,
  optional,
  options,
  orNull,
  type Rule,
  record,
  satisfies,
  text,
  withCode,
  word,
} from '../check/index.js'
import { isRecord } from '../codec/is-record.js'
import { isPlainJson } from '../codec/plain-json.js'
import { isDeviceType } from '../device-type/define-device-type.js'
import type { AnyDeviceType } from '../device-type/device-type.js'
import { COMMAND_STATES, type CommandState } from '../ports/commands.js'
import {
  AGGREGATES,
  DEVICE_STATUSES,
  type DeviceFilter,
  INTERVALS,
  MESSAGE_STATUSES,
  type MessageRef,
} from '../ports/storage.js'
import { CHANNELS } from '../topic.js'
import type { CommandQuery } from './commands-api.js'
import type { NewDevice } from './device.js'
import type { DeviceQuery, DeviceUpdate } from './devices-api.js'
import type { MessageQuery } from './messages-api.js'
import type { AggregateRequest, ReadingQuery } from './readings-api.js'

const isStorableObject = (value: unknown): boolean => isRecord(value) && isPlainJson(value)

/** Made by `defineDeviceType`; whether it is of this hub is for `assertType`. */
export const deviceType: Rule<AnyDeviceType> = withCode(
  'unknown_type',
  satisfies('a device type, made by defineDeviceType', isDeviceType),
)

/** An id to look for: one that no device can have is merely not found, but it must be storable. */
export const anyId: Rule<string> = text({ max: 255 })

/** Rows a page. */
const limit = optional(integer({ min: 1, max: 1000 }))
/** What it says is for the storage that gave it out. */
const cursor = optional(text({ max: 1000 }))
export const PAGE = { limit, cursor }

const DEVICE_FILTER = {
  status: optional(word(...DEVICE_STATUSES)),
  isActive: optional(flag),
  search: optional(text({ min: 0, max: 255 })),
}

/** Fields of a device; what its state may be, its type says. */
const FIELDS = {
  name: optional(text({ max: 255 })),
  status: optional(word(...DEVICE_STATUSES)),
  isActive: optional(flag),
  firmwareVersion: optional(orNull(text({ min: 0, max: 50 }))),
  metadata: optional(
    satisfies<Readonly<Record<string, unknown>>>(
      'an object that JSON can hold, of at most 64 levels',
      isStorableObject,
    ),
  ),
  state: optional(record),
}

const NEW_DEVICE = options<NewDevice>({ ...FIELDS, deviceId: anything<string>() }, 'an object of the device')
const DEVICE_UPDATE = options<DeviceUpdate>(FIELDS, 'an object of what changes')
const DEVICE_QUERY = options<DeviceQuery>({ ...DEVICE_FILTER, ...PAGE })
const FILTER = options<DeviceFilter>(DEVICE_FILTER, 'a filter of devices')

const RANGE = { deviceId: optional(anyId), from: optional(date), to: optional(date) }
const READING_QUERY = options<ReadingQuery>({ ...RANGE, ...PAGE, order: optional(word('asc', 'desc')) })
const AGGREGATE = options<AggregateRequest<Record<string, unknown>>>({
  ...RANGE,
  field: text({ max: 255 }),
  fn: word(...AGGREGATES),
  interval: optional(word(...INTERVALS)),
})
const MESSAGE_QUERY = options<MessageQuery>({
  ...RANGE,
  ...PAGE,
  status: optional(word(...MESSAGE_STATUSES)),
  channel: optional(word(...CHANNELS)),
})
export const MESSAGE_REF: Rule<MessageRef> = options<MessageRef>(
  { typeKey: orNull(text({ max: 255 })), id: text({ max: 255 }) },
  '{ typeKey, id }',
)

const state = word(...COMMAND_STATES)
const COMMAND_QUERY = options<CommandQuery>({
  ...PAGE,
  type: optional(deviceType),
  deviceId: optional(anyId),
  state: optional(either<CommandState, readonly CommandState[]>(state, list(state, { min: 1, max: 20 }))),
  command: optional(text({ max: 255 })),
  batch: optional(text({ max: 255 })),
})

export const acceptType = (call: string, type: unknown): AnyDeviceType =>
  accept(call, 'type', deviceType, type, 'unknown_type')

export const acceptId = (call: string, argument: string, id: unknown): string =>
  accept(call, argument, anyId, id)

/** Of a look-up: whether there may be such a device is not asked. `invalid_device_id`. */
export const acceptDeviceId = (call: string, deviceId: unknown): string =>
  accept(call, 'deviceId', anyId, deviceId, 'invalid_device_id')

export const acceptNewDevice = (call: string, device: unknown): NewDevice =>
  accept(call, 'device', NEW_DEVICE, device, 'invalid_payload')

export const acceptDeviceUpdate = (change: unknown): DeviceUpdate =>
  accept('devices.update', 'change', DEVICE_UPDATE, change, 'invalid_payload')

export const acceptDeviceQuery = (query: unknown): DeviceQuery =>
  accept('devices.list', 'query', DEVICE_QUERY, query, 'invalid_query')

export const acceptFilter = (call: string, filter: unknown): DeviceFilter =>
  accept(call, 'filter', FILTER, filter, 'invalid_query')

export const acceptReadingQuery = (query: unknown): ReadingQuery =>
  accept('readings.list', 'query', READING_QUERY, query, 'invalid_query')

export const acceptAggregate = (request: unknown): AggregateRequest<Record<string, unknown>> =>
  accept('readings.aggregate', 'request', AGGREGATE, request, 'invalid_query')

export const acceptMessageQuery = (query: unknown): MessageQuery =>
  accept('messages.list', 'query', MESSAGE_QUERY, query, 'invalid_query')

export const acceptRef = (call: string, ref: unknown): MessageRef =>
  accept(call, 'ref', MESSAGE_REF, ref, 'invalid_query')

export const acceptCommandQuery = (query: unknown): CommandQuery =>
  accept('commands.list', 'query', COMMAND_QUERY, query, 'invalid_query')

const ID_LIST = list(anyId, { max: 100_000 })
export const acceptIds = (call: string, ids: unknown): readonly string[] =>
  accept(call, 'deviceIds', ID_LIST, ids, 'invalid_query')
