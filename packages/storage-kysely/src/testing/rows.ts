import { type AnyDeviceType, defineDeviceType, reading } from '@devicehub/core'
import type { NewMessage } from '@devicehub/core/definition'
import type { CommitBatch, CommitEntry, DeviceRecord, NewSample } from '@devicehub/core/storage'
import type { StoredValue } from '@devicehub/core/transport'

export const Station = defineDeviceType('Station', {
  readings: {
    temperature: reading.float(),
    count: reading.integer(),
    note: reading.string(),
    frame: reading.binary(),
  },
})
export const Meter = defineDeviceType('Meter', { readings: { total: reading.integer() } })

/** 2026-01-05T00:00:00Z. */
export const T0 = Date.UTC(2026, 0, 5)

export const message = (deviceId: string | null, more: Partial<NewMessage> = {}): NewMessage => ({
  deviceId,
  channel: 'data',
  direction: 'in',
  topic: `things/station/${deviceId}/data`,
  payloadJson: '{}',
  payloadRaw: null,
  contentType: null,
  correlationId: null,
  userProperties: null,
  source: 'test',
  qos: 1,
  redelivered: false,
  retained: false,
  status: 'processed',
  code: null,
  reason: null,
  flags: null,
  receivedAt: T0,
  processedAt: T0,
  ...more,
})

export const sample = (
  deviceId: string,
  more: Partial<NewSample> = {},
  values: readonly StoredValue[] = [null, null, null, null],
): NewSample => ({
  deviceId,
  timestamp: T0,
  receivedAt: T0,
  orderAt: more.timestamp ?? T0,
  sampleId: null,
  contentHash: null,
  flags: null,
  values,
  ...more,
})

export const entry = (
  type: AnyDeviceType | null,
  deviceId: string,
  samples: readonly NewSample[] = [],
  more: Partial<NewMessage> = {},
): CommitEntry => ({ type, message: message(deviceId, more), samples })

export const batch = (
  entries: readonly CommitEntry[],
  more: Partial<Omit<CommitBatch, 'entries'>> = {},
): CommitBatch => ({ entries, touches: [], changes: [], ...more })

export const device = (type: AnyDeviceType, deviceId: string): DeviceRecord => ({
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
})
