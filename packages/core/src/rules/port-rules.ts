import {
  anyText,
  flag,
  hidden,
  integer,
  list,
  mapOf,
  number,
  optional,
  options,
  orNull,
  partOf,
  type Rule,
  satisfies,
  text,
  withCode,
  word,
} from '../model/check/index.js'
import { isStorableText } from '../model/codec/text.js'
import { OFFLINE_POLICIES } from '../model/device-type/offline-policy.js'
import { deviceType } from '../model/device-type/type-rule.js'
import { MESSAGE_STATUSES, type MessageRef } from '../model/message.js'
import { labelChange, labelKey, labels } from '../model/selector/labels.js'
import { COMMAND_STATES, DEVICE_STATUSES } from '../model/statuses.js'
import { CHANNELS } from '../model/topic/index.js'
import type { StoredValue } from '../model/values.js'
import type { ClaimKeyRecord, ClaimRequestRecord } from '../ports/claims.js'
import type { CommandClaimRequest, CommandFilter, DevicesOfType, NewCommand } from '../ports/commands.js'
import type { ConsumerStart, ConsumerStep, NewFailure } from '../ports/consumers.js'
import type { CredentialKind, CredentialWrite, NewCredential } from '../ports/credentials.js'
import type {
  DeviceListRequest,
  DevicePatch,
  DevicePosition,
  DeviceRecord,
  DeviceSort,
  OverdueQuery,
  OverviewRequest,
  SetBackRequest,
  SharedPatch,
} from '../ports/devices.js'
import type { Lease } from '../ports/leases.js'
import type { MessageFilter } from '../ports/messages.js'
import { AGGREGATES, type AggregateQuery, INTERVALS, type ReadingListFilter } from '../ports/readings.js'
import type { PageRequest } from '../ports/storage.js'
import type { DesiredChange, TwinClaimRequest, TwinKey } from '../ports/twins.js'
import { comparedValue, condition, deviceValue } from './condition-rule.js'

/** Rules for what a storage is given. The bounds are those of the columns. */

/** Epoch milliseconds that every database can hold. */
export const time = number({ min: -62_135_596_800_000, max: 253_402_300_799_999 })
/** Milliseconds. */
export const duration = number({ min: 0, max: 366 * 86_400_000 * 100 })
export const deviceId = text({ max: 128 })
export const deviceIds = list(deviceId)
export const typeKey = text({ max: 64 })
export const id = text({ max: 64 })
export const ids = list(id)
/** A cursor is checked once more by the list it belongs to. */
export const cursor = text({ max: 65_535 })
/** Of the changes of access. */
export const position = integer({ min: 0 })
export const count = integer({ min: 1, max: 1_000_000 })
export const name = text({ max: 255 })
export const types = list(orNull(deviceType))

const storedValue: Rule<StoredValue> = satisfies(
  'a value as it is stored',
  (value) =>
    value === null ||
    typeof value === 'boolean' ||
    Number.isFinite(value) ||
    value instanceof Uint8Array ||
    (typeof value === 'string' && isStorableText(value)),
)

/** Of a page. */
export const bytes = integer({ min: 1, max: 2 ** 40 })

const PAGE = { limit: count, cursor: optional(cursor), maxBytes: optional(bytes) }
export const page = options<PageRequest>(PAGE)

/** Of a scope. */
export const within = optional(condition)

const DEVICE = {
  name: text({ min: 0, max: 255 }),
  status: word(...DEVICE_STATUSES),
  statusAt: orNull(time),
  statusClaimedAt: orNull(time),
  batteryLevel: orNull(number()),
  lastSeen: orNull(time),
  firmwareVersion: orNull(text({ min: 0, max: 50 })),
  isActive: flag,
  sessionAt: orNull(time),
  mqttUsername: orNull(text({ max: 255 })),
  metadata: anyText(),
}

export const device = options<DeviceRecord>({
  ...DEVICE,
  deviceId,
  labels,
  state: list(storedValue),
  createdAt: time,
  updatedAt: time,
})

export const devicePatch = options<DevicePatch>({
  name: optional(DEVICE.name),
  status: optional(DEVICE.status),
  statusAt: optional(DEVICE.statusAt),
  statusClaimedAt: optional(DEVICE.statusClaimedAt),
  batteryLevel: optional(DEVICE.batteryLevel),
  lastSeen: optional(DEVICE.lastSeen),
  firmwareVersion: optional(DEVICE.firmwareVersion),
  isActive: optional(flag),
  sessionAt: optional(DEVICE.sessionAt),
  mqttUsername: optional(DEVICE.mqttUsername),
  metadata: optional(DEVICE.metadata),
  labels: optional(labelChange),
  state: optional(mapOf(storedValue)),
})

const devicePosition = options<DevicePosition>({
  value: orNull(comparedValue as Rule<string | number | boolean>),
  deviceId,
})

export const deviceList = options<DeviceListRequest>({
  limit: count,
  maxBytes: optional(bytes),
  sort: optional(options<DeviceSort>({ by: deviceValue, descending: flag })),
  after: optional(devicePosition),
  inclusive: optional(flag),
})

export const sharedPatch = options<SharedPatch>({
  name: optional(DEVICE.name),
  isActive: optional(flag),
  firmwareVersion: optional(DEVICE.firmwareVersion),
  metadata: optional(DEVICE.metadata),
  labels: optional(labelChange),
})

export const overviewRequest = options<OverviewRequest>({
  labels: list(labelKey),
  seenBefore: time,
  batteryBelow: number(),
  maxValues: count,
})

export const overdueQuery = options<OverdueQuery>({
  ...PAGE,
  before: time,
  statuses: list(word(...DEVICE_STATUSES)),
})

export const setBackRequest = options<SetBackRequest>({ after: time, now: time })

const RANGE = { deviceId: optional(deviceId), from: optional(time), to: optional(time), within }

export const fieldName = text({ max: 63 })
export const fieldNames = list(fieldName, { max: 2_000 })

export const readingFilter = options<ReadingListFilter>({
  ...RANGE,
  order: optional(word('asc', 'desc')),
  fields: optional(fieldNames),
})

export const aggregateQuery = options<AggregateQuery>({
  ...RANGE,
  field: fieldName,
  fn: word(...AGGREGATES),
  interval: optional(word(...INTERVALS)),
})

export const messageFilter = options<MessageFilter>({
  ...RANGE,
  status: optional(word(...MESSAGE_STATUSES)),
  channel: optional(word(...CHANNELS)),
})

/** A row of a message is as good as its reference. */
export const messageRef = partOf<MessageRef>(
  // Of any other form there is none, and that is an answer too.
  { typeKey: orNull(typeKey), id: text({ min: 0, max: 128 }) },
  "a message's { typeKey, id }",
)

const epoch = integer({ min: 0 })
export const holder = text({ max: 64 })
export const lease = partOf<Lease>({ name, epoch, holder }, 'a lease that was claimed')
export const note = optional(orNull(anyText()))

const typeKeys = list(orNull(typeKey))

export const consumerStart = options<ConsumerStart>({
  name: text({ max: 128 }),
  epoch,
  typeKeys,
  cursor: orNull(cursor),
  now: time,
})

const FAILURE = {
  ref: messageRef,
  deviceId: orNull(deviceId),
  error: anyText(),
  attempts: integer({ min: 0 }),
  failedAt: number(),
}
export const newFailure = partOf<NewFailure>(FAILURE, 'what a consumer set aside')

export const consumerStep = options<ConsumerStep>({
  name: text({ max: 128 }),
  epoch,
  from: orNull(cursor),
  to: cursor,
  passed: integer({ min: 0 }),
  setAside: list(newFailure),
  now: time,
})

export const consumerWriter = partOf<{ readonly name: string; readonly epoch: number }>(
  { name: text({ max: 128 }), epoch },
  'the { name, epoch } of a consumer',
)

export const newCommand = options<NewCommand>({
  id,
  type: deviceType,
  deviceId,
  command: text({ max: 128 }),
  payload: orNull(anyText()),
  timeout: duration,
  expiresIn: duration,
  retries: integer({ min: 0, max: 32_767 }),
  onOffline: word(...OFFLINE_POLICIES),
  batch: orNull(id),
  createdAt: time,
  within,
})

const CLAIM = { claim: holder, ttl: duration, types: list(typeKey) }
export const claimRequest = options<CommandClaimRequest>(CLAIM)
export const dueCommands = options<CommandClaimRequest & { readonly limit: number }>({
  ...CLAIM,
  limit: count,
})
export const dueTwins = options<TwinClaimRequest>({ ...CLAIM, limit: count })
export const twinKey = partOf<TwinKey>({ typeKey, deviceId }, 'a { typeKey, deviceId }')

export const devicesOfTypes = list(options<DevicesOfType>({ type: deviceType, condition }))

export const commandFilter = options<CommandFilter>({
  typeKey: optional(typeKey),
  deviceId: optional(deviceId),
  states: optional(list(word(...COMMAND_STATES))),
  command: optional(text({ max: 128 })),
  batch: optional(id),
  within: optional(devicesOfTypes),
})

export const desiredChange = options<DesiredChange>({
  type: deviceType,
  deviceId,
  patch: mapOf(satisfies('anything', () => true)),
  ifVersion: optional(integer({ min: 0 })),
  within,
  at: time,
})

export const credentialKind = word<CredentialKind>('password', 'api_key')
/** Of any form: of what cannot be there, there is none. */
export const anyId = satisfies<string>('a text', (value) => typeof value === 'string')
/** Shown to nobody, and of any form: strangers choose it, and what cannot be there is not found. */
export const lookup = hidden(anyId)

/** Data that no column holds: the same code as from a database. */
const stored = (max: number) => withCode('storage_failed', hidden(text({ max })))

const newCredential = partOf<NewCredential>(
  {
    id: stored(64),
    kind: credentialKind,
    lookup: stored(255),
    hash: stored(512),
    createdAt: time,
    expiresAt: orNull(time),
  },
  'a credential',
)

export const credentialWrite = options<CredentialWrite>({
  type: deviceType,
  deviceId,
  create: orNull(device),
  onlyNew: flag,
  onlyWithout: optional(list(credentialKind)),
  retire: orNull(options<NonNullable<CredentialWrite['retire']>>({ kinds: list(credentialKind), at: time })),
  add: list(newCredential),
  username: optional(orNull(text({ max: 255 }))),
  now: time,
})

export const claimKey = options<ClaimKeyRecord>({
  id,
  lookup: hidden(text({ max: 255 })),
  typeKey,
  name,
  createsDevices: flag,
  idPrefix: text({ min: 0, max: 128 }),
  labels,
  maxUses: integer({ min: 0 }),
  uses: integer({ min: 0 }),
  createdAt: time,
  expiresAt: time,
  revokedAt: orNull(time),
})

export const claimOfDevice = options<ClaimRequestRecord>({
  keyId: id,
  proof: hidden(text({ max: 255 })),
  write: credentialWrite,
  now: time,
})
