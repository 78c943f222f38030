import type { z } from 'zod'
import type { AnyDeviceType } from './device-type.js'
import type { Shown } from './shown.js'
import type { FieldValue } from './typed-field.js'

/** The readings of one sample. One that may be missing is `null` when sent so and `undefined` when not sent. */
export type InferReadings<T extends Pick<AnyDeviceType, 'readings'>> = {
  readonly [Name in keyof T['readings']]: T['readings'][Name]['nullable'] extends false
    ? FieldValue<T['readings'][Name]>
    : FieldValue<T['readings'][Name]> | null | undefined
} & Shown<T>

/** The state fields of a device. */
export type InferState<T extends Pick<AnyDeviceType, 'state'>> = {
  readonly [Name in keyof T['state']]: T['state'][Name]['nullable'] extends false
    ? FieldValue<T['state'][Name]>
    : FieldValue<T['state'][Name]> | null
} & Shown<T>

/** The commands by name, with what goes in at the caller, what reaches the device, and what the device answers. */
export type InferCommands<T extends Pick<AnyDeviceType, 'commands'>> = {
  readonly [Name in keyof T['commands']]: {
    readonly payload: InputOf<T['commands'][Name]['payload']>
    readonly received: OutputOf<T['commands'][Name]['payload'], undefined>
    readonly result: OutputOf<T['commands'][Name]['result'], unknown>
  }
} & Shown<T>

type InputOf<Schema> = Schema extends z.ZodType ? z.input<Schema> : Schema extends null ? undefined : unknown
type OutputOf<Schema, Without> = Schema extends z.ZodType
  ? z.output<Schema>
  : Schema extends null
    ? Without
    : unknown
