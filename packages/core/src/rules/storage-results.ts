import { COMMAND_STATES, DEVICE_STATUSES } from '../model/statuses.js'
import {
  count,
  flag,
  list,
  listOf,
  map,
  number,
  orAbsent,
  orNull,
  record,
  stored,
  text,
  time,
  word,
} from './result-shapes.js'

/** What the functions of a storage return, as far as the hub would fail by it somewhere else. */

const status = word(...DEVICE_STATUSES)

export const device = record('the record of a device', {
  deviceId: text,
  name: text,
  status,
  batteryLevel: orNull(number),
  lastSeen: orNull(time),
  firmwareVersion: orNull(text),
  isActive: flag,
  mqttUsername: orNull(text),
  metadata: text,
  labels: record('the labels of a device', {}),
  state: listOf(stored),
  createdAt: time,
  updatedAt: time,
})

export const devicePage = record('a page { items, more }', {
  items: listOf(
    record('a device with its place { record, position }', {
      record: device,
      position: record('a place { value, deviceId }', { value: stored, deviceId: text }),
    }),
  ),
  more: flag,
})

export const overview = record('the figures of a fleet', {
  total: count,
  byStatus: record('counts by status', {}),
  inactive: count,
  silent: count,
  neverSeen: count,
  lowBattery: count,
  byLabel: record('counts by label', {}),
})

export const sample = record('a sample', {
  id: text,
  deviceId: text,
  timestamp: time,
  receivedAt: time,
  orderAt: time,
  values: listOf(stored),
})

export const latest = record('the last values of a device', {
  deviceId: text,
  orderAt: time,
  values: listOf(orNull(record('a last value { value, at }', { value: stored, at: time }))),
})

export const bucket = record('a bucket { bucket, result }', { bucket: orNull(time), result: stored })

/** Of many: their values are what the database gives. */
export const scanned = record('a sample of a scan', {
  id: text,
  deviceId: text,
  timestamp: time,
  values: list,
})
export const seriesRow = record('a row of a series { group, bucket, values }', {
  group: orNull(text),
  bucket: count,
  values: listOf(stored),
})

export const message = record('the audit row of a message', {
  id: text,
  typeKey: orNull(text),
  deviceId: orNull(text),
  topic: text,
  payloadJson: orNull(text),
  status: text,
  receivedAt: time,
  processedAt: time,
})

export const logPage = record('a page of the log { messages, cursor }', {
  messages: listOf(message),
  cursor: text,
})

export const lease = record('a lease { name, epoch, holder }', { name: text, epoch: count, holder: text })
export const leaseState = record('what is known of a lease', {
  name: text,
  epoch: count,
  holder: orNull(text),
  expiresIn: number,
  note: orNull(text),
})

export const consumer = record('the record of a consumer', {
  name: text,
  typeKeys: listOf(orNull(text)),
  cursor: orNull(text),
  epoch: count,
  passed: count,
  missed: count,
  failures: count,
  createdAt: time,
  updatedAt: time,
})

export const failure = record('a message that was set aside', {
  ref: record("a message's { typeKey, id }", { typeKey: orNull(text), id: text }),
  deviceId: orNull(text),
  error: text,
  attempts: count,
  failedAt: time,
  firstFailedAt: time,
  due: flag,
})

export const created = word('claimed', 'queued', 'device_not_found', 'device_inactive', 'device_offline')
export const command = record('the record of a command', {
  id: text,
  typeKey: text,
  deviceId: text,
  command: text,
  payload: orNull(text),
  state: word(...COMMAND_STATES),
  attempts: count,
  sentAt: orNull(time),
  acceptedAt: orNull(time),
  finishedAt: orNull(time),
  result: orNull(text),
  reason: orNull(text),
  createdAt: time,
  expiresAt: time,
  expiresIn: number,
})

const names = record('an object by name', {})
export const twin = record('the record of a twin', {
  desired: names,
  desiredAt: names,
  version: count,
  reportedAt: names,
  reportedVersion: orNull(count),
  publishedVersion: count,
  state: listOf(stored),
})
const OUTCOMES = word('set', 'conflict', 'device_not_found', 'device_inactive')
export const desiredOutcome = record('what became of a change { outcome }', {
  outcome: OUTCOMES,
  version: orAbsent(count),
  record: orAbsent(twin),
})
export const dueTwin = record('a document that is due', {
  typeKey: text,
  deviceId: text,
  version: count,
  desired: orNull(names),
})

const CREDENTIAL = {
  id: text,
  kind: word('password', 'api_key'),
  lookup: text,
  hash: text,
  typeKey: text,
  deviceId: text,
  createdAt: time,
  expiresAt: orNull(time),
}
export const credential = record('a credential', CREDENTIAL)
export const foundCredential = record('a credential with its device', { ...CREDENTIAL, isActive: flag })
export const written = word('created', 'updated', 'existing', 'has_credentials', 'device_not_found')
export const accessChanges = record('changes of access { position, devices }', {
  position: count,
  devices: orNull(listOf(record('a { typeKey, deviceId }', { typeKey: text, deviceId: text }))),
})

export const claimKey = record('the record of a claim key', {
  id: text,
  lookup: text,
  typeKey: text,
  name: text,
  createsDevices: flag,
  labels: record('the labels of new devices', {}),
  idPrefix: text,
  maxUses: count,
  uses: count,
  createdAt: time,
  expiresAt: time,
  revokedAt: orNull(time),
})
export const claimed = word(
  'claimed',
  'repeated',
  'key_refused',
  'device_claimed',
  'device_inactive',
  'device_not_found',
)

export const plan = record('a plan { steps }', {
  steps: listOf(record('a step of a plan', { description: text, destructive: flag, sql: listOf(text) })),
})
export const retained = record('how many rows went { readings, messages }', {
  readings: count,
  messages: count,
})

/** Once a batch, whatever it holds: the lists themselves are not looked at. */
const FOUND = {
  duplicates: orNull(list),
  duplicateSamples: orNull(map),
  reusedIds: orNull(map),
  transitions: list,
  devices: list,
  messageIds: orAbsent(list),
}
export const telemetryResult = record('what a commit found', FOUND)
export const commitResult = record('what a commit found', {
  ...FOUND,
  commands: orNull(map),
  reports: orNull(map),
})
