/**
 * What a device or a browser needs: declarations, their types, topics, errors. No Node API, and no zod unless a declared
 * type brings it. `@devicehub/core` exports all that an application declares types with, too.
 */
export type * from './model/codec/codec.js'
export { jsonCodec } from './model/codec/json.js'
export { type Command, type CommandOptions, type Commands, command } from './model/device-type/command.js'
export {
  DEFAULT_HEARTBEAT_INTERVAL,
  DEFAULT_HEARTBEAT_MULTIPLIER,
  DEFAULT_TOPIC_TEMPLATE,
} from './model/device-type/default-options.js'
export {
  type DeviceType,
  type DeviceTypeDefinition,
  defineDeviceType,
} from './model/device-type/define-device-type.js'
export type * from './model/device-type/device-type.js'
export { effectiveOptions } from './model/device-type/effective-options.js'
export type * from './model/device-type/field.js'
export type * from './model/device-type/field-options.js'
export type * from './model/device-type/hooks.js'
export type * from './model/device-type/infer.js'
export { isDeviceType } from './model/device-type/is-device-type.js'
export { type DeviceTypeKey, typeKey } from './model/device-type/names.js'
export { OFFLINE_POLICIES, type OfflinePolicy } from './model/device-type/offline-policy.js'
export { reading } from './model/device-type/reading.js'
export { state } from './model/device-type/state.js'
export type { FieldValue, ReadingField, StateField, TypedField } from './model/device-type/typed-field.js'
export type { Duration, DurationText } from './model/duration.js'
export {
  DeviceHubError,
  ERROR_CODES,
  type ErrorCode,
  type ErrorOptions,
  isDeviceHubError,
  isRetryable,
} from './model/errors.js'
export type {
  MessageDirection,
  MessageInfo,
  MessageRecord,
  MessageStatus,
  NewMessage,
  StoredMessage,
} from './model/message.js'
export { DEVICE_STATUSES, type DeviceStatus } from './model/statuses.js'
export {
  buildTopic,
  CHANNELS,
  type Channel,
  DEFAULT_TOPIC_PREFIX,
  DEVICE_ID_MAX_LENGTH,
  deviceTopics,
  isValidDeviceId,
  parseTopic,
  type SubscribePatternOptions,
  subscribePatterns,
  type TopicOptions,
  type TopicRefusal,
  type TopicRoute,
} from './model/topic/index.js'
export type { JsonValue } from './model/values.js'
export { isHeartbeatOverdue } from './rules/heartbeat.js'
