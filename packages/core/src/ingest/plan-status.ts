import { parseStatus } from '../model/codec/parse-status.js'
import type { AnyDeviceType, IngestPolicies } from '../model/device-type/device-type.js'
import type { Refusal } from './ingest.js'
import { compileClaimJudge, headOf } from './sample-time.js'
import type { Content } from './taken-message.js'

export type StatusPlanner = (value: unknown, receivedAt: number) => Content | Refusal

/** Reads what a `status` payload says of its device. What does not fit is left out and flagged, the rest counts. */
export function compileStatusPlanner(type: AnyDeviceType, policies: IngestPolicies<number>): StatusPlanner {
  const head = headOf(type, policies)
  const claims = compileClaimJudge(type, policies)
  return (value, receivedAt) => {
    const parsed = parseStatus(value, (record) => head(record, receivedAt))
    if ('code' in parsed) return parsed
    const { flags, timestamp, fraction: _fraction, id: _id, ...news } = parsed
    return {
      samples: [],
      news,
      claimedAt: claims.orderOf(timestamp, receivedAt),
      flags: flags.length === 0 ? null : flags.join(' '),
      partial: null,
    }
  }
}
