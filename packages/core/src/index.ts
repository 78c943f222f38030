export type {
  BulkOptions,
  BulkOutcome,
  BulkProgress,
  BulkState,
  BulkSummary,
  BulkTarget,
} from './commands/bulk.js'
export type { SendOptions } from './commands/send-options.js'
export type { WaitOptions } from './commands/wait-for-end.js'
export type * from './consumer/consumer.js'
export type * from './credentials/credentials-api.js'
export * from './definition.js'
export * from './handlers/handler-runner.js'
export type { AttachedHandler } from './hub/attached-handlers.js'
export type * from './hub/commands-api.js'
export type { ConsumerInfo, ConsumerLag, ConsumersApi } from './hub/consumers-api.js'
export * from './hub/create-device-hub.js'
export type { CommandLimits, DeviceCacheOptions, DeviceHubOptions } from './hub/device-hub-options.js'
export type { DeviceQuery, DevicesApi, DeviceUpdate } from './hub/devices-api.js'
export type { MessageQuery, MessagesApi } from './hub/messages-api.js'
export type {
  AggregateRequest,
  Bucket,
  LastValue,
  LastValues,
  Reading,
  ReadingQuery,
  ReadingRange,
  ReadingsApi,
} from './hub/readings-api.js'
export type * from './hub/sessions-api.js'
export type { ForbiddenGroups, SharedGroups } from './hub/shared-groups.js'
export type { DesiredPatch, TwinApi } from './hub/twins-api.js'
export * from './ingest/ingest.js'
export type { IngestLimits, IngestStats } from './ingest/ingest-stats.js'
export { createLimitedLines, type LimitedLines, type LimitedLinesOptions } from './ingest/limited-lines.js'
export type { StorageFault } from './ingest/retry.js'
export { type HeldLease, type HoldLeaseOptions, holdLease, nextLook } from './lease/hold-lease.js'
export { type MemoryStorage, type MemoryStorageOptions, memoryStorage } from './memory/memory-storage.js'
export { isStorableText } from './model/codec/text.js'
export type { Device } from './model/device-type/device-type.js'
export * from './model/device-type/offline-policy.js'
export * from './model/errors.js'
export * from './model/message.js'
export {
  type AsyncApiDocument,
  type AsyncApiOptions,
  type AsyncApiServer,
  asyncApi,
} from './model/schema/async-api.js'
export type { JsonSchema, SchemaOptions } from './model/schema/field-schema.js'
export { type CommandSchemas, type DeviceTypeSchemas, jsonSchema } from './model/schema/json-schema.js'
export * from './model/statuses.js'
export type { StoredValue } from './model/values.js'
export type * from './ports/claims.js'
export * from './ports/clock.js'
export * from './ports/commands.js'
export * from './ports/consumers.js'
export * from './ports/credentials.js'
export * from './ports/ids.js'
export * from './ports/leases.js'
export * from './ports/logger.js'
export * from './ports/metrics.js'
export * from './ports/secret.js'
export * from './ports/signals.js'
export * from './ports/storage.js'
export * from './ports/transport.js'
export * from './ports/twins.js'
export * from './presence/create-presence-monitor.js'
export type { PresenceOptions } from './presence/presence-settings.js'
export type { AppliedCommandChange } from './rules/apply-command-change.js'
export type { AppliedReport } from './rules/apply-report.js'
export type { CommandInfo } from './rules/command-info.js'
export { defineStorage } from './rules/define-storage.js'
export { type NewDevice, newDeviceRecord, toDevice } from './rules/device-row.js'
export type { ClaimRows } from './rules/judge-claim.js'
export type { LatestRow } from './rules/latest-values.js'
export { createLatestBudget, createPageBudget, ROW_BYTES } from './rules/page-bytes.js'
export type { CredentialPlan, CredentialRows, UsernameChange } from './rules/plan-credential-writes.js'
export type { SampleOutcomes } from './rules/sample-outcomes.js'
export * from './rules/states.js'
export * from './rules/trusted.js'
export type { Twin } from './twin/twin.js'
