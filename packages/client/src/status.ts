import type { StatusReport } from './device-client.js'
import { acceptStatus } from './option-rules.js'

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
      last = { ...last, ...acceptStatus(report) }
      return payload(last)
    },
    latest: () => payload(last),
    birth: () => payload(last.status === 'offline' ? { ...last, status: 'online' } : last),
  }
}

export const OFFLINE = { status: 'offline' }
