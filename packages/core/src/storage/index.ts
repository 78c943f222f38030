export { type AppliedCommandChange, applyCommandChange } from '../commands/apply-command-change.js'
export { applyDesired } from '../twin/apply-desired.js'
export { type AppliedReport, applyReport } from '../twin/apply-report.js'
export { applyDeviceChange } from './apply-device-change.js'
export { checkedStorage } from './checked-storage.js'
export { type ClaimRows, isClaimKeyGood, judgeClaim } from './judge-claim.js'
export { addToLatest, type LatestRow, latestRowOf, latestTime } from './latest-values.js'
export { type MemoryStorage, type MemoryStorageOptions, memoryStorage } from './memory/memory-storage.js'
export { createLatestBudget, createPageBudget, ROW_BYTES } from './page-bytes.js'
export {
  type CredentialPlan,
  type CredentialRows,
  planCredentialWrites,
  type UsernameChange,
} from './plan-credential-writes.js'
export { withCommandOutcome, withFlag, withReportOutcome } from './record-outcome.js'
export { type SampleOutcomes, withSampleOutcomes } from './sample-outcomes.js'
