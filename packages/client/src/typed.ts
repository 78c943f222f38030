import type {
  AnyDeviceType,
  InferCommands,
  InferReadings,
  InferState,
  JsonValue,
} from '@devicehub/core/definition'
import type { DeviceDeclaration } from './device-declaration.js'

/** The readings of one sample, as they are recorded: those that may be null may be left out. */
export type ReadingsOf<Declaration extends DeviceDeclaration> = Declaration extends AnyDeviceType
  ? NullableOptional<InferReadings<Declaration>>
  : Readonly<Record<string, unknown>>

type NullableOptional<Readings> = Flat<
  {
    readonly [Name in keyof Readings as undefined extends Readings[Name] ? Name : never]?:
      | Readings[Name]
      | undefined
  } & {
    readonly [Name in keyof Readings as undefined extends Readings[Name] ? never : Name]: Readings[Name]
  }
>

/** One object type instead of an intersection: editors show it as it is written. */
type Flat<Value> = { readonly [Name in keyof Value]: Value[Name] }

/** The names of the commands of a device type; any text without a type. */
export type CommandName<Declaration extends DeviceDeclaration> = Declaration extends AnyDeviceType
  ? keyof Declaration['commands'] & string
  : string

/** What the command's schema makes of the payload; undefined for a command without one. */
export type PayloadOf<Declaration extends DeviceDeclaration, Name> = Declaration extends AnyDeviceType
  ? Name extends keyof InferCommands<Declaration>
    ? InferCommands<Declaration>[Name]['received']
    : never
  : unknown

/** What a handler returns: what the command's schema of the result takes, or any JSON without one. */
export type ResultOf<Declaration extends DeviceDeclaration, Name> = Declaration extends AnyDeviceType
  ? Name extends keyof Declaration['commands']
    ? Declaration['commands'][Name]['result'] extends ZodSchema<infer Input>
      ? Input
      : AnyResult
    : never
  : AnyResult

/** By shape: the declaration of a zod schema comes with the device type, and is no dependency of a device's code. */
interface ZodSchema<Input> {
  readonly _zod: { readonly input: Input }
}

// biome-ignore lint/suspicious/noConfusingVoidType: handlers that return nothing
type AnyResult = JsonValue | void

/** State fields by name, each of which may be missing. */
export type StateOf<Declaration extends DeviceDeclaration> = Declaration extends AnyDeviceType
  ? Flat<{ readonly [Name in keyof InferState<Declaration>]?: InferState<Declaration>[Name] | undefined }>
  : Readonly<Record<string, unknown>>
