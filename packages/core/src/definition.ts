export * as check from './check.js'
export type { Checked } from './model/codec/check-schema.js'
export type * from './model/codec/codec.js'
export { jsonCodec } from './model/codec/json.js'
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
export { errorLine, toLine } from './model/codec/text.js'
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
export { type Command, type CommandOptions, type Commands, command } from './model/device-type/command.js'
export {
  type DeviceType,
  type DeviceTypeDefinition,
  defineDeviceType,
} from './model/device-type/define-device-type.js'
export type * from './model/device-type/device-type.js'
export type * from './model/device-type/field.js'
export type * from './model/device-type/field-options.js'
export type * from './model/device-type/hooks.js'
export type * from './model/device-type/infer.js'
export { isDeviceType } from './model/device-type/is-device-type.js'
export { type DeviceTypeKey, typeKey } from './model/device-type/names.js'
export { reading } from './model/device-type/reading.js'
export { state } from './model/device-type/state.js'
export type { FieldValue, ReadingField, StateField, TypedField } from './model/device-type/typed-field.js'
export type * from './model/duration.js'
export * from './model/errors.js'
export { quietWhenClosed } from './model/quiet-when-closed.js'
export { createRegistry, type Registry } from './model/registry.js'
export { DEVICE_STATUSES, type DeviceStatus } from './model/statuses.js'
export * from './model/topic/index.js'
export type { JsonValue } from './model/values.js'
export { isHeartbeatOverdue } from './rules/heartbeat.js'
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
export { createSilentEnds, presumablyTakenOver, type SilentEnds } from './transport/silent-ends.js'
