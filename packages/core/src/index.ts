/**
 * What an application calls: declare device types, create a hub, and work with it.
 * Beside it: `@devicehub/core/definition` for devices and browsers, `/storage` for who writes a storage, `/transport` for
 * who writes a transport or a surface, `/check` for the rules of options, `/cbor` for the codec.
 */
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
export type {
  CredentialOptions,
  CredentialsApi,
  CredentialsStats,
  Principal,
} from './credentials/credentials-api.js'
export type * from './hub/commands-api.js'
export type { ConsumerFailureInfo, ConsumerInfo, ConsumerLag, ConsumersApi } from './hub/consumers-api.js'
export * from './hub/create-device-hub.js'
export type { CommandLimits, DeviceCacheOptions, DeviceHubOptions } from './hub/device-hub-options.js'
export type * from './hub/device-queries.js'
export type { DevicesApi } from './hub/devices-api.js'
export type * from './hub/export-request.js'
export { type CsvOptions, toCsv, toNdjson } from './hub/export-text.js'
export type { HubApi, ScopedDevicesApi } from './hub/hub-api.js'
export type { MarkOptions } from './hub/mark-status.js'
export type { MessageQuery, MessagesApi } from './hub/messages-api.js'
export type * from './hub/reading-queries.js'
export type { LastValue, LastValues, Reading } from './hub/reading-values.js'
export type { ReadingsApi } from './hub/readings-api.js'
export type { Scope } from './hub/scope/scope.js'
export type * from './hub/series-request.js'
export type { SessionEvent, SessionsApi } from './hub/sessions-api.js'
export type { DesiredManyResult } from './hub/set-desired-many.js'
export type { DesiredPatch, TwinApi } from './hub/twins-api.js'
export type { IngestOutcome, RefusalCode } from './ingest/ingest.js'
export type { IngestLimits, IngestStats } from './ingest/ingest-stats.js'
export { type MemoryStorage, type MemoryStorageOptions, memoryStorage } from './memory/memory-storage.js'
export type { Codec } from './model/codec/codec.js'
export { jsonCodec } from './model/codec/json.js'
export { command } from './model/device-type/command.js'
export { type DeviceType, defineDeviceType } from './model/device-type/define-device-type.js'
export type { AnyDeviceType, Device } from './model/device-type/device-type.js'
export type { GeoPoint } from './model/device-type/field.js'
export type { CommandResponseEvent, DataEvent } from './model/device-type/hooks.js'
export type { InferCommands, InferReadings, InferState } from './model/device-type/infer.js'
export type { OfflinePolicy } from './model/device-type/offline-policy.js'
export { reading } from './model/device-type/reading.js'
export { state } from './model/device-type/state.js'
export type { Duration } from './model/duration.js'
export {
  DeviceHubError,
  ERROR_CODES,
  type ErrorCode,
  isDeviceHubError,
  isRetryable,
} from './model/errors.js'
export type { MessageInfo, MessageRecord, MessageRef, MessageStatus } from './model/message.js'
export { createRegistry, type Registry } from './model/registry.js'
export { type AsyncApiDocument, type AsyncApiOptions, asyncApi } from './model/schema/async-api.js'
export type { JsonSchema } from './model/schema/field-schema.js'
export { type DeviceTypeSchemas, jsonSchema } from './model/schema/json-schema.js'
export { formatSelector } from './model/selector/format-selector.js'
export type { Labels } from './model/selector/labels.js'
export { parseSelector } from './model/selector/parse-selector.js'
export type { Comparison, Matching, Selector, TimeValue } from './model/selector/selector.js'
export type { SortName, SortOrder } from './model/selector/sort.js'
export type { CommandState, DeviceStatus } from './model/statuses.js'
export { type Channel, deviceTopics } from './model/topic/index.js'
export type { Clock } from './ports/clock.js'
export { consoleLogger, type LogFields, type Logger, silentLogger } from './ports/logger.js'
export type { Metrics } from './ports/metrics.js'
export type { Page } from './ports/page.js'
export type { AggregateFunction, Interval } from './ports/readings.js'
export type { Secret } from './ports/secret.js'
export type { CalendarUnit, SeriesFunction, SeriesGroups } from './ports/series.js'
export type {
  NoSignals,
  ProvisionedCredentials,
  SignalEvents,
  SignalName,
  SignalsOf,
} from './ports/signals.js'
export type { Storage, StorageAdapter } from './ports/storage.js'
export type { InboundMessage } from './ports/transport.js'
export * from './presence/create-presence-monitor.js'
export type { PresenceOptions } from './presence/presence-settings.js'
export * from './retention/create-retention.js'
export type { RetentionOptions } from './retention/retention-settings.js'
export type { CommandInfo } from './rules/command-info.js'
export type { NewDevice } from './rules/device-row.js'
export type { Twin } from './twin/twin.js'
