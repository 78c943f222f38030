import type {
  AnyDeviceType,
  Device,
  InferCommands,
  InferReadings,
  InferState,
  SignalEvents,
  SignalName,
} from '@devicehub/core'

/**
 * An event as a subscriber to one device type gets it: readings, state and commands have the types that were declared.
 * `type` is the type of the device itself, which may be one that extends the type subscribed to.
 */
export type SignalEvent<
  Name extends SignalName,
  Type extends AnyDeviceType,
> = Name extends 'deviceDataReceived'
  ? OfDevice<SignalEvents['deviceDataReceived'], Type, 'readings'> & {
      readonly readings: InferReadings<Type>
    }
  : Name extends 'deviceCommandSent'
    ? CommandSent<Type>
    : Name extends 'deviceStateReported'
      ? OfDevice<SignalEvents['deviceStateReported'], Type, 'reported'> & {
          readonly reported: Partial<InferState<Type>>
        }
      : Name extends 'deviceStateDiverged'
        ? OfDevice<SignalEvents['deviceStateDiverged'], Type, 'delta'> & {
            readonly delta: Partial<InferState<Type>>
          }
        : OfDevice<SignalEvents[Name], Type>

type OfDevice<Event, Type extends AnyDeviceType, Narrowed extends string = never> = Omit<
  Event,
  'device' | Narrowed
> & {
  readonly device: Device<InferState<Type>>
}

/** A union over the commands: narrow by `command` to get the type of `payload`. */
type CommandSent<Type extends AnyDeviceType> = [keyof Type['commands']] extends [never]
  ? OfDevice<SignalEvents['deviceCommandSent'], Type>
  : {
      [Command in keyof Type['commands'] & string]: OfDevice<
        SignalEvents['deviceCommandSent'],
        Type,
        'command' | 'payload'
      > & {
        readonly command: Command
        readonly payload: InferCommands<Type>[Command]['payload']
      }
    }[keyof Type['commands'] & string]
