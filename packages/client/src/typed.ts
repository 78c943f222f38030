import type { AnyDeviceType, InferCommands, InferReadings } from '@devicehub/core/definition'
import type { DeviceDeclaration } from './device-client.js'

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

export type CommandName<Declaration extends DeviceDeclaration> = Declaration extends AnyDeviceType
  ? keyof Declaration['commands'] & string
  : string

/** What the command's schema makes of the payload; undefined for a command without one. */
export type PayloadOf<Declaration extends DeviceDeclaration, Name> = Declaration extends AnyDeviceType
  ? Name extends keyof InferCommands<Declaration>
    ? InferCommands<Declaration>[Name]['received']
    : never
  : unknown
