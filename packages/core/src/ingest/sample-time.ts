import { compileHead, type HeadReader } from '../model/codec/sample-head.js'
import { wallClockOf } from '../model/codec/time-zone.js'
import { optionOf } from '../model/device-type/default-options.js'
import type { AnyDeviceType, IngestPolicies } from '../model/device-type/device-type.js'

/** How payloads of a type say who a sample is and when it was measured. */
export function headOf(type: AnyDeviceType, policies: Pick<IngestPolicies, 'timeZone'>): HeadReader {
  const [sampleId, timestampField] = [optionOf(type, 'sampleId'), optionOf(type, 'timestampField')]
  return compileHead({
    id: sampleId === false ? null : sampleId,
    timestamp: timestampField === false ? null : timestampField,
    wallClock: wallClockOf(type.options.timeZone ?? policies.timeZone),
  })
}

/** What a claimed time is worth, by a type's policies. All times in epoch milliseconds. */
export interface ClaimJudge {
  /** Milliseconds that a time may be ahead of the hub. */
  readonly ahead: number
  /** Whether a sample can have been measured then. */
  isPossible(claimed: number, receivedAt: number): boolean
  /** Whether it lies further back than the device's clock is expected to be off. */
  isOld(claimed: number, receivedAt: number): boolean
  /**
   * The time by which one report of a device is older than another of the same device; null when the claim is not good for
   * that: there is none, or the clock is off by more than expected.
   */
  orderOf(claimed: number | null, receivedAt: number): number | null
}

export function compileClaimJudge({ options }: AnyDeviceType, policies: IngestPolicies<number>): ClaimJudge {
  const clockSkew = options.clockSkew ?? policies.clockSkew
  const [past, future] = [clockSkew.past * 1000, clockSkew.future * 1000]
  const earliest = (options.earliestTime ?? policies.earliestTime).getTime()
  const isPossible = (claimed: number, receivedAt: number) =>
    claimed >= earliest && claimed <= receivedAt + future
  const isOld = (claimed: number, receivedAt: number) => claimed < receivedAt - past
  return {
    ahead: future,
    isPossible,
    isOld,
    orderOf: (claimed, receivedAt) =>
      claimed === null || !isPossible(claimed, receivedAt) || isOld(claimed, receivedAt) ? null : claimed,
  }
}
