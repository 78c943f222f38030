export type * from './codec/codec.js'
export { jsonCodec } from './codec/json.js'
export { type ParseDataOptions, type ParsedData, parseData, type RawSample } from './codec/parse-data.js'
export { type ParsedStatus, parseStatus } from './codec/parse-status.js'
export { parseTimestamp } from './codec/parse-timestamp.js'
export { fromStored, toJson, toStored } from './codec/stored-value.js'
export { compileSampleValidator, type SampleValidator, type ValidSample } from './codec/validate-sample.js'
export { type Command, type CommandOptions, type Commands, command } from './device-type/command.js'
export {
  type DeviceType,
  type DeviceTypeDefinition,
  defineDeviceType,
  isDeviceType,
} from './device-type/define-device-type.js'
export type * from './device-type/device-type.js'
export type * from './device-type/field.js'
export type * from './device-type/field-options.js'
export type * from './device-type/hooks.js'
export type * from './device-type/infer.js'
export type * from './device-type/json-value.js'
export { type DeviceTypeKey, typeKey } from './device-type/names.js'
export { reading } from './device-type/reading.js'
export { state } from './device-type/state.js'
export type { FieldValue, ReadingField, StateField } from './device-type/typed-field.js'
export * from './errors.js'
export { DEVICE_STATUSES, type DeviceStatus } from './ports/storage.js'
export { createRegistry, type Registry } from './registry.js'
export {
  type AsyncApiDocument,
  type AsyncApiOptions,
  type AsyncApiServer,
  asyncApi,
} from './schema/async-api.js'
export type { JsonSchema, SchemaOptions } from './schema/field-schema.js'
export { type CommandSchemas, type DeviceTypeSchemas, jsonSchema } from './schema/json-schema.js'
export * from './topic.js'
export { type Backoff, type BackoffOptions, createBackoff } from './transport/backoff.js'
export { createSendQuota, type SendQuota } from './transport/send-quota.js'
