export * as check from './check/index.js'
export type * from './codec/codec.js'
export { jsonCodec } from './codec/json.js'
export {
  type DataRefusal,
  type MalformedItem,
  type ParseDataOptions,
  type ParsedData,
  parseData,
  type RawSample,
  type RefusedItem,
} from './codec/parse-data.js'
export { type ParsedStatus, parseStatus } from './codec/parse-status.js'
export { decodeWith, encodeWith } from './codec/run-codec.js'
export type { Head } from './codec/sample-head.js'
export { errorLine, toLine } from './codec/text.js'
export {
  checkSchema,
  compileSampleValidator,
  fromStored,
  parseTimestamp,
  toJson,
  toStored,
} from './codec/trusted.js'
export type { SampleRefusal, SampleValidator, ValidSample } from './codec/validate-sample.js'
export type { Checked } from './commands/check-schema.js'
export { type Command, type CommandOptions, type Commands, command } from './device-type/command.js'
export {
  type DeviceType,
  type DeviceTypeDefinition,
  defineDeviceType,
} from './device-type/define-device-type.js'
export type * from './device-type/device-type.js'
export type * from './device-type/field.js'
export type * from './device-type/field-options.js'
export type * from './device-type/hooks.js'
export type * from './device-type/infer.js'
export { isDeviceType } from './device-type/is-device-type.js'
export type * from './device-type/json-value.js'
export { type DeviceTypeKey, typeKey } from './device-type/names.js'
export { reading } from './device-type/reading.js'
export { state } from './device-type/state.js'
export type { FieldValue, ReadingField, StateField, TypedField } from './device-type/typed-field.js'
export * from './errors.js'
export { DEVICE_STATUSES, type DeviceStatus } from './ports/storage.js'
export { isHeartbeatOverdue } from './presence/heartbeat.js'
export { createRegistry, type Registry } from './registry.js'
export { quietWhenClosed } from './timing/quiet-when-closed.js'
export * from './topic.js'
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
