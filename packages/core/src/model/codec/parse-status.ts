import { DEVICE_STATUSES, type DeviceStatus } from '../statuses.js'
import { isRecord } from './is-record.js'
import { type Head, type HeadReader, readHead } from './sample-head.js'
import { isTextWithin, toLine } from './text.js'
import { type DataRefusal, unreadable } from './unreadable.js'

/** What a device says of itself. What it did not say, or what could not be used, is absent. */
export interface ParsedStatus extends Head {
  /** Absent: it said none, or one that does not exist. */
  readonly status?: DeviceStatus
  /** Percent. */
  readonly batteryLevel?: number
  /** At most 50 characters. */
  readonly firmwareVersion?: string
  /** `unknown_status`, `bad_battery`, `bad_firmware_version`, `bad_timestamp`, `bad_id`: left out, the rest counts. */
  readonly flags: readonly string[]
}

export const FIRMWARE_MAX_LENGTH = 50

/** A decoded status payload, the will included, or its word alone. `head`: where its time is; default: in `timestamp`. Never throws. */
export function parseStatus(value: unknown, head: HeadReader = readHead): ParsedStatus | DataRefusal {
  try {
    return parseReadable(value, head)
  } catch (cause) {
    return unreadable(cause)
  }
}

function parseReadable(value: unknown, head: HeadReader): ParsedStatus | DataRefusal {
  const word = statusWord(value)
  if (word !== undefined) return { timestamp: null, id: null, flags: [], status: word }
  if (!isRecord(value)) {
    return {
      code: 'invalid_shape',
      reason:
        'a status must be an object such as {"status": "online", "battery_level": 85.5}, or a status alone',
    }
  }
  const { timestamp, id, flags } = head(value)
  const warnings = [...flags]
  const take = <T>(raw: unknown, read: (raw: unknown) => T | undefined, warning: string): T | undefined => {
    if (raw === undefined || raw === null) return undefined
    const taken = read(raw)
    if (taken === undefined) warnings.push(warning)
    return taken
  }
  const status = take(value.status, statusWord, UNKNOWN_STATUS)
  const batteryLevel = take(value.battery_level ?? value.battery, percent, 'bad_battery')
  const firmwareVersion = take(value.firmware_version, firmware, 'bad_firmware_version')
  if (isAbsent(value.status) && (!tellsSomething(value) || mayTellStatus(value)))
    warnings.push(UNKNOWN_STATUS)
  return {
    timestamp,
    id,
    flags: warnings,
    ...(status === undefined ? {} : { status }),
    ...(batteryLevel === undefined ? {} : { batteryLevel }),
    ...(firmwareVersion === undefined ? {} : { firmwareVersion: toLine(firmwareVersion) }),
  }
}

/** Whatever its case, and blanks around it. */
export function statusWord(raw: unknown): DeviceStatus | undefined {
  if (typeof raw !== 'string' || raw.length > WORD_MAX) return undefined
  const word = raw.trim().toLowerCase()
  return DEVICE_STATUSES.find((status) => status === word)
}

const UNKNOWN_STATUS = 'unknown_status'
const WORD_MAX = 64

const isAbsent = (value: unknown): boolean => value === undefined || value === null

/** What is read of a status beside its word. */
const NEWS = ['battery_level', 'battery', 'firmware_version']

const tellsSomething = (value: Readonly<Record<string, unknown>>): boolean =>
  NEWS.some((name) => !isAbsent(value[name]))

/** Names under which others send what `status` is here, without their case and separators. */
const STATUS_NAMES = new Set(
  'status state devicestatus devicestate online offline connected disconnected connection connectionstatus connectionstate availability available presence alive lwt will'.split(
    ' ',
  ),
)
/** Words by which they send it. */
const STATUS_WORDS = new Set([
  ...DEVICE_STATUSES,
  ...'connected disconnected available unavailable reachable unreachable alive dead lost gone up down true false yes no'.split(
    ' ',
  ),
])
/** Objects and lists in others that are looked into. */
const DEPTH_MAX = 4

/** Whether a field that is not read may say that the device is gone: a will whose word is not where it is declared. */
const mayTellStatus = (value: object, depth = 1): boolean =>
  Object.entries(value).some(([name, inner]: [string, unknown]) => {
    if (isAbsent(inner) || (depth === 1 && NEWS.includes(name))) return false
    if (isRecord(inner) || Array.isArray(inner)) return depth >= DEPTH_MAX || mayTellStatus(inner, depth + 1)
    return typeof inner === 'boolean' || STATUS_NAMES.has(plain(name)) || isStatusLike(inner)
  })

const isStatusLike = (value: unknown): boolean =>
  typeof value === 'string' && STATUS_WORDS.has(value.trim().toLowerCase())

const plain = (name: string): string => name.toLowerCase().replace(/[_\s-]/g, '')

const percent = (raw: unknown): number | undefined =>
  typeof raw === 'number' && raw >= 0 && raw <= 100 ? raw : undefined

const firmware = (raw: unknown): string | undefined =>
  typeof raw === 'string' && raw !== '' && isTextWithin(raw, FIRMWARE_MAX_LENGTH) ? raw : undefined
