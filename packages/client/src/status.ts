import { DEVICE_STATUSES, DeviceHubError } from '@devicehub/core/definition'
import type { StatusReport } from './device-client.js'

/** What the device said of itself last; repeated at each reconnect, since the will has said `offline` meanwhile. */
export interface StatusMemory {
  /** Checks and remembers; returns the payload. `invalid_payload` for a value that the hub would not take. */
  report(report: StatusReport): Record<string, unknown>
  /** The payload that announces the device after it connected. */
  birth(): Record<string, unknown>
  /** The payload as it was reported last. */
  latest(): Record<string, unknown>
}

/**
 * Payloads of the channel `status`. They carry no time, so that the hub takes them in the order of arrival: the will
 * cannot carry one, and a device whose clock is behind would stay offline after its first will.
 */
export function createStatusMemory(): StatusMemory {
  let last: StatusReport = {}

  const payload = ({ status = 'online', batteryLevel, firmwareVersion }: StatusReport) => ({
    status,
    ...(batteryLevel === undefined ? {} : { battery_level: batteryLevel }),
    ...(firmwareVersion === undefined ? {} : { firmware_version: firmwareVersion }),
  })

  return {
    report(report) {
      check(report)
      const defined = Object.fromEntries(Object.entries(report).filter(([, value]) => value !== undefined))
      last = { ...last, ...defined }
      return payload(last)
    },
    latest: () => payload(last),
    birth: () => payload(last.status === 'offline' ? { ...last, status: 'online' } : last),
  }
}

export const OFFLINE = { status: 'offline' }

function check({ status, batteryLevel, firmwareVersion }: StatusReport): void {
  if (status !== undefined && !DEVICE_STATUSES.includes(status))
    throw invalid(`the status is one of ${DEVICE_STATUSES.join(', ')}, not ${String(status)}`)
  if (batteryLevel !== undefined && !(batteryLevel >= 0 && batteryLevel <= 100))
    throw invalid(`batteryLevel is a percentage of 0 to 100, not ${String(batteryLevel)}`)
  if (firmwareVersion !== undefined && (typeof firmwareVersion !== 'string' || firmwareVersion.length > 50))
    throw invalid('firmwareVersion is a text of at most 50 characters')
}

const invalid = (message: string) => new DeviceHubError('invalid_payload', message)
