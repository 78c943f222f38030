import { type AnyDeviceType, defineDeviceType, reading, type Storage, state } from '@devicehub/core'
import type { NewMessage } from '@devicehub/core/definition'
import type {
  CommitBatch,
  CommitEntry,
  DeviceChange,
  DeviceRecord,
  NewSample,
  StoredSample,
} from '@devicehub/core/storage'
import type { StoredValue } from '@devicehub/core/transport'

/** Every kind of reading, and every kind of state. */
export const Sensor: AnyDeviceType = defineDeviceType('Contract_Sensor', {
  readings: {
    temperature: reading.float(),
    pulses: reading.integer(),
    open: reading.boolean(),
    label: reading.string(),
    mode: reading.enum(['auto', 'manual', 'Ünknown']),
    calibrated_at: reading.datetime(),
    config: reading.json(),
    frame: reading.binary(),
    position: reading.geo(),
  },
  state: {
    offset: state.float(),
    interval: state.integer(),
    enabled: state.boolean(),
    note: state.string(),
    profile: state.enum(['auto', 'manual', 'Ünknown']),
    serviced_at: state.datetime(),
    settings: state.json(),
    key: state.binary(),
    place: state.geo(),
  },
})

/** A second type with a reading of the same name. */
export const Meter: AnyDeviceType = defineDeviceType('ContractMeter', {
  readings: { temperature: reading.float(), total: reading.integer() },
})

/** 2025-06-16T12:00:00Z, a Monday. */
export const T0 = Date.UTC(2025, 5, 16, 12)

let ids = 0
/** An id that no other test uses. */
export const newId = (what = 'device'): string => `${what}-${String(++ids).padStart(5, '0')}`

export const message = (more: Partial<NewMessage> = {}): NewMessage => ({
  deviceId: null,
  channel: 'data',
  direction: 'in',
  topic: 'things/contract/x/data',
  payloadJson: '{}',
  payloadRaw: null,
  contentType: null,
  correlationId: null,
  userProperties: null,
  source: 'contract',
  qos: 1,
  redelivered: false,
  retained: false,
  status: 'processed',
  code: null,
  reason: null,
  flags: null,
  receivedAt: T0,
  processedAt: T0 + 1,
  ...more,
})

/** A sample without an identity, with the given readings; the rest is null. */
export const sample = (
  type: AnyDeviceType,
  deviceId: string,
  timestamp: number,
  readings: Readonly<Record<string, StoredValue>> = {},
  more: Partial<NewSample> = {},
): NewSample => ({
  deviceId,
  timestamp,
  receivedAt: T0,
  orderAt: more.timestamp ?? timestamp,
  sampleId: null,
  contentHash: null,
  flags: null,
  values: type.readingNames.map((name) => readings[name] ?? null),
  ...more,
})

/** A content hash: a whole number that a double holds. */
export function hashOf(...content: readonly (string | number)[]): number {
  let hash = 7
  for (const character of JSON.stringify(content))
    hash = (hash * 131 + character.charCodeAt(0)) % 4_503_599_627_370
  return hash
}

export const entry = (
  type: AnyDeviceType | null,
  deviceId: string | null,
  samples: readonly NewSample[] = [],
  more: Partial<NewMessage> = {},
): CommitEntry => ({ type, message: message({ deviceId, ...more }), samples })

export const batch = (
  entries: readonly CommitEntry[],
  more: Partial<Omit<CommitBatch, 'entries'>> = {},
): CommitBatch => ({ entries, touches: [], changes: [], ...more })

export const change = (
  type: AnyDeviceType,
  deviceId: string,
  at: number,
  more: Partial<DeviceChange> = {},
): DeviceChange => ({ type, deviceId, at, lastSeen: at, ...more })

export const device = (
  type: AnyDeviceType,
  deviceId: string,
  more: Partial<DeviceRecord> = {},
): DeviceRecord => ({
  deviceId,
  name: deviceId,
  status: 'offline',
  statusAt: null,
  statusClaimedAt: null,
  batteryLevel: null,
  lastSeen: null,
  firmwareVersion: null,
  isActive: true,
  sessionAt: null,
  mqttUsername: null,
  metadata: '{}',
  labels: {},
  state: type.stateNames.map(() => null),
  createdAt: T0,
  updatedAt: T0,
  ...more,
})

/** A new device of the type, stored. */
export async function newDevice(
  storage: Storage,
  type: AnyDeviceType,
  more: Partial<DeviceRecord> = {},
): Promise<string> {
  const deviceId = newId()
  await storage.devices.create(type, device(type, deviceId, more))
  return deviceId
}

/** One message with these samples. */
export const store = (
  storage: Storage,
  type: AnyDeviceType,
  deviceId: string,
  samples: readonly NewSample[],
) => storage.commit(batch([entry(type, deviceId, samples)]))

export async function samplesOf(
  storage: Storage,
  type: AnyDeviceType,
  deviceId: string,
): Promise<readonly StoredSample[]> {
  return (await storage.readings.list(type, { deviceId, order: 'asc' }, { limit: 100_000 })).items
}

export async function messagesOf(storage: Storage, type: AnyDeviceType | null, deviceId: string) {
  return (await storage.messages.list(type, { deviceId }, { limit: 100_000 })).items
}

export const statusesOf = async (storage: Storage, type: AnyDeviceType, deviceId: string) =>
  (await messagesOf(storage, type, deviceId)).map(({ status }) => status).reverse()

export async function deviceOf(
  storage: Storage,
  type: AnyDeviceType,
  deviceId: string,
): Promise<DeviceRecord> {
  const [found] = await storage.devices.find(type, [deviceId])
  if (!found) throw new Error(`${deviceId} is not there`)
  return found
}

/** The value of one reading, by name. */
export const readingOf = (type: AnyDeviceType, { values }: NewSample, name: string): StoredValue =>
  values[type.readingNames.indexOf(name)] ?? null

export const ALL_BYTES = Uint8Array.from({ length: 256 }, (_, index) => index)
