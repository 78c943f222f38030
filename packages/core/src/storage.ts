/**
 * For who writes a storage: the port, the rules that every storage decides by, and the reference storage in memory.
 * `@devicehub/test-kit` has the contract suites.
 */
export * from './memory/memory-storage.js'
export * from './model/message.js'
export {
  type Condition,
  DEVICE_COLUMNS,
  type DeviceColumn,
  type DeviceValue,
  EVERY_DEVICE,
  NO_DEVICE,
  type Relation,
} from './model/selector/condition.js'
export type { Labels } from './model/selector/labels.js'
export * from './model/statuses.js'
export type { StoredValue } from './model/values.js'
export type * from './ports/claims.js'
export type * from './ports/commands.js'
export type * from './ports/consumers.js'
export type * from './ports/credentials.js'
export type * from './ports/leases.js'
export * from './ports/storage.js'
export type * from './ports/twins.js'
export type { AggregatedValue } from './rules/aggregate-samples.js'
export type { AppliedCommandChange } from './rules/apply-command-change.js'
export type { AppliedReport } from './rules/apply-report.js'
export {
  BLOCKED_MS,
  DEVICE_DELETED,
  type JudgedCommand,
  NEW_PROGRESS,
  type NewCommandRows,
  type QueuedAhead,
} from './rules/command-order.js'
export { defineStorage } from './rules/define-storage.js'
export { newDeviceRecord } from './rules/device-row.js'
export type { FoldedChanges, FoldedDevice } from './rules/fold-changes.js'
export type { SeriesSource } from './rules/fold-series.js'
export type { ClaimRows } from './rules/judge-claim.js'
export type { JudgedDevice } from './rules/judge-device.js'
export { LARGE, LARGE_SCALE, type SumParts } from './rules/large-sums.js'
export type { LatestRow } from './rules/latest-values.js'
export { createBucketBudget, createLatestBudget, createPageBudget, ROW_BYTES } from './rules/page-bytes.js'
export type { Listed } from './rules/page-of.js'
export type { CommitPlan, CommitRows, PlannedRow, PlannedSample } from './rules/plan-commit.js'
export type { CredentialPlan, CredentialRows, UsernameChange } from './rules/plan-credential-writes.js'
export {
  createSampleIndex,
  type KnownIdentity,
  type SampleIndex,
  type SampleVerdict,
} from './rules/sample-index.js'
export type { SampleOutcomes } from './rules/sample-outcomes.js'
export { createSeriesBudget, type SeriesBudget } from './rules/series-budget.js'
export * from './rules/states.js'
export * from './rules/trusted.js'
