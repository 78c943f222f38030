/**
 * For who writes a transport or a surface: the port a transport implements, what arrives and what becomes of it, topics
 * and filters, a type's checks of samples and replies, reason codes of MQTT, and how to run foreign code safely.
 */
export type { SecretHashes } from './credentials/credentials-api.js'
export * from './handlers/handler-runner.js'
export type { AttachedHandler } from './hub/attached-handlers.js'
export type { ForbiddenGroups, SharedGroups } from './hub/shared-groups.js'
export * from './ingest/ingest.js'
export type { StorageFault } from './ingest/retry.js'
export { type HeldLease, type HoldLeaseOptions, holdLease, nextLook } from './lease/hold-lease.js'
export type { Checked } from './model/codec/check-schema.js'
export {
  type MalformedItem,
  type ParseDataOptions,
  type ParsedData,
  parseData,
  type RawSample,
  type RefusedItem,
} from './model/codec/parse-data.js'
export { type ParsedStatus, parseStatus } from './model/codec/parse-status.js'
export { decodeWith, encodeWith } from './model/codec/run-codec.js'
export type { Head } from './model/codec/sample-head.js'
export { errorLine, isStorableText, toLine } from './model/codec/text.js'
export {
  checkSchema,
  compileSampleValidator,
  fromStored,
  parseTimestamp,
  toJson,
  toStored,
} from './model/codec/trusted.js'
export type { DataRefusal } from './model/codec/unreadable.js'
export type { SampleRefusal, SampleValidator, ValidSample } from './model/codec/validate-sample.js'
export { isStorageFault } from './model/errors.js'
export { quietWhenClosed } from './model/quiet-when-closed.js'
export type { AsyncApiServer } from './model/schema/async-api.js'
export type { SchemaOptions } from './model/schema/field-schema.js'
export type { CommandSchemas } from './model/schema/json-schema.js'
export {
  assertDeviceId,
  createTopicRouter,
  deviceIdProblem,
  INBOUND_CHANNELS,
  isChannel,
  isValidTopic,
  isValidTopicFilter,
  OUTBOUND_CHANNELS,
  type TopicRouter,
  topicMatches,
} from './model/topic/index.js'
export type { StoredValue } from './model/values.js'
export { systemClock } from './ports/clock.js'
export { type Ids, randomIds } from './ports/ids.js'
export { type MetricLabels, noMetrics } from './ports/metrics.js'
export { secretOf } from './ports/secret.js'
export { noSignals, type SignalSink, type StateEvent } from './ports/signals.js'
export type * from './ports/transport.js'
export type { PresenceHub } from './presence/presence-hub.js'
export { toDevice } from './rules/device-row.js'
export { createFaultLog, type FaultLog } from './rules/fault-log.js'
export { createLimitedLines, type LimitedLines, type LimitedLinesOptions } from './rules/limited-lines.js'
export { type Backoff, type BackoffOptions, createBackoff } from './transport/backoff.js'
export {
  closedUnanswered,
  isCertificateError,
  isRefusal,
  isSlowDown,
  reasonName,
  reasonOf,
  refusalAdvice,
  SESSION_TAKEN_OVER,
} from './transport/reason-codes.js'
export { createSendQuota, type SendQuota } from './transport/send-quota.js'
export {
  type DisconnectPacket,
  disconnectReason,
  readDisconnect,
  type ServerDisconnect,
} from './transport/server-disconnect.js'
export { createSilentEnds, presumablyTakenOver, type SilentEnds } from './transport/silent-ends.js'
