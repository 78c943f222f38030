import { DEVICE_STATUSES, type DeviceStatus } from '../ports/storage.js'
import { isRecord } from './is-record.js'
import type { DataRefusal } from './parse-data.js'
import { type Head, type HeadReader, readHead } from './sample-head.js'
import { isTextWithin, toLine } from './text.js'

/** What a device says of itself. What it did not say, or what could not be used, is absent. */
export interface ParsedStatus extends Head {
  readonly status?: DeviceStatus
  /** Percent. */
  readonly batteryLevel?: number
  readonly firmwareVersion?: string
  /** `unknown_status`, `bad_battery`, `bad_firmware_version`, `bad_timestamp`, `bad_id`: left out, the rest counts. */
  readonly flags: readonly string[]
}

export const FIRMWARE_MAX_LENGTH = 50

/** A decoded status payload, the will included. `head`: where its time is; default: in `timestamp`. Never throws. */
export function parseStatus(value: unknown, head: HeadReader = readHead): ParsedStatus | DataRefusal {
  if (!isRecord(value)) {
    return {
      code: 'invalid_shape',
      reason: 'a status must be an object such as {"status": "online", "battery_level": 85.5}',
    }
  }
  const { timestamp, id, flags } = head(value)
  const warnings = [...flags]
  const take = <T>(raw: unknown, fits: (raw: unknown) => raw is T, warning: string): T | undefined => {
    if (raw === undefined || raw === null) return undefined
    if (fits(raw)) return raw
    warnings.push(warning)
    return undefined
  }
  const status = take(value.status, isStatus, 'unknown_status')
  const batteryLevel = take(value.battery_level ?? value.battery, isPercent, 'bad_battery')
  const firmwareVersion = take(value.firmware_version, isFirmware, 'bad_firmware_version')
  return {
    timestamp,
    id,
    flags: warnings,
    ...(status === undefined ? {} : { status }),
    ...(batteryLevel === undefined ? {} : { batteryLevel }),
    ...(firmwareVersion === undefined ? {} : { firmwareVersion: toLine(firmwareVersion) }),
  }
}

const isStatus = (raw: unknown): raw is DeviceStatus => (DEVICE_STATUSES as readonly unknown[]).includes(raw)

const isPercent = (raw: unknown): raw is number => typeof raw === 'number' && raw >= 0 && raw <= 100

const isFirmware = (raw: unknown): raw is string =>
  typeof raw === 'string' && raw !== '' && isTextWithin(raw, FIRMWARE_MAX_LENGTH)
