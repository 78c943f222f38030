export type * from './codec/codec.js'
export type * from './device-type/device-type.js'
export type * from './device-type/field.js'
export { CHANNELS, type Channel } from './topic.js'
