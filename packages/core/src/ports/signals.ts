import type { AnyDeviceType, Device } from '../model/device-type/device-type.js'
import { DeviceHubError } from '../model/errors.js'
import type { MessageRecord } from '../model/message.js'
import type { DeviceStatus } from '../model/statuses.js'
import type { Secret } from './secret.js'

/**
 * What the hub announces, after the commit: `device` is as the commit left its row. `@devicehub/signals` narrows each to
 * a device type for its subscribers.
 */
export interface SignalEvents {
  /** One sample is stored. A backfill announces each of its samples. */
  deviceDataReceived: {
    readonly type: AnyDeviceType
    readonly device: Device
    /** By name; a reading that was not sent is absent. */
    readonly readings: Readonly<Record<string, unknown>>
    /** When it was measured, or received if the device sent no time. */
    readonly measuredAt: Date
    /** `out_of_range:<reading>`, `clock_skew`, `redelivered`. */
    readonly flags: readonly string[]
    readonly message: MessageRecord
  }
  /** A device's status became another. */
  deviceStatusChanged: {
    readonly type: AnyDeviceType
    readonly device: Device
    readonly oldStatus: DeviceStatus
    readonly newStatus: DeviceStatus
  }
  /** A device became reachable. */
  deviceConnected: { readonly type: AnyDeviceType; readonly device: Device }
  /** A device is not reachable any more; `reason` says who found that and why. */
  deviceDisconnected: { readonly type: AnyDeviceType; readonly device: Device; readonly reason: string }
  /** A command was published; a second publication of it is not announced. */
  deviceCommandSent: {
    readonly type: AnyDeviceType
    readonly device: Device
    readonly command: string
    readonly payload: unknown
    readonly id: string
  }
  /** The device reported state that was not known before. */
  deviceStateReported: StateEvent & {
    /** The fields whose value was taken, by name. */
    readonly reported: Readonly<Record<string, unknown>>
  }
  /** The device has seen the desired state, and reports another. */
  deviceStateDiverged: StateEvent & {
    /** The desired fields that differ, with what they should be. */
    readonly delta: Readonly<Record<string, unknown>>
  }
  /** A device obtained its first credentials. */
  deviceProvisioned: {
    readonly type: AnyDeviceType
    readonly device: Device
    /** `credentials.reveal()`, here and never again: only their hashes are kept. */
    readonly credentials: Secret<ProvisionedCredentials>
  }
}

/** What a device authenticates with. */
export interface ProvisionedCredentials {
  /** At brokers. */
  readonly username: string
  /** Null: it was given none. */
  readonly password: string | null
  /** For HTTP; null: it was given none. */
  readonly apiKey: string | null
  /** The one client id it may use. */
  readonly clientId: string
  /** Null: good until they are rotated or revoked. */
  readonly expiresAt: Date | null
}

/** What the signals of a twin have in common. */
export interface StateEvent {
  /** Type of the device. */
  readonly type: AnyDeviceType
  /** With the state as reported. */
  readonly device: Device
  /** Of the desired state; 0: none was ever set. */
  readonly version: number
  /** The highest version the device has applied; null: none. */
  readonly reportedVersion: number | null
  /** When the device reported, by its own time if it gave one; else when the hub received it. */
  readonly measuredAt: Date
  /** The audit row of the report. */
  readonly message: MessageRecord
}

/** The name of a signal. */
export type SignalName = keyof SignalEvents

/** Where the hub announces; never throws and never waits for a subscriber. */
export interface SignalSink {
  /** Hands an event to the handlers of a signal. Neither waits for them nor throws. */
  emit<Name extends SignalName>(name: Name, event: SignalEvents[Name]): void
  /** Lets the hub skip the work of making an event nobody wants. */
  hasSubscribers(name: SignalName): boolean
}

/** Read in an error of TypeScript. */
type SignalsAreMissing =
  'This hub has no signals. Pass createDeviceHub({ signals: createSignals() }), from @devicehub/signals'

/** What stands behind the name: a device type, the handler, options. */
type SubscribeArgument<Name extends SignalName> = object | ((event: SignalEvents[Name]) => unknown)

/**
 * `hub.signals` of a hub that was made without signals. Whoever calls one of these functions is told what to pass: by
 * TypeScript, and by an error with `invalid_options`.
 */
export interface NoSignals extends SignalSink {
  /** Needs `createDeviceHub({ signals: createSignals() })`. */
  on<Name extends SignalName>(this: SignalsAreMissing, name: Name, ...rest: SubscribeArgument<Name>[]): never
  /** Needs `createDeviceHub({ signals: createSignals() })`. */
  once<Name extends SignalName>(
    this: SignalsAreMissing,
    name: Name,
    ...rest: SubscribeArgument<Name>[]
  ): never
  /** Needs `createDeviceHub({ signals: createSignals() })`. */
  off<Name extends SignalName>(this: SignalsAreMissing, name: Name, ...rest: SubscribeArgument<Name>[]): never
  /** Needs `createDeviceHub({ signals: createSignals() })`. */
  iterate<Name extends SignalName>(
    this: SignalsAreMissing,
    name: Name,
    ...rest: object[]
  ): AsyncIterableIterator<SignalEvents[Name]>
  /** Needs `createDeviceHub({ signals: createSignals() })`. */
  stats(this: SignalsAreMissing): never
  /** Needs `createDeviceHub({ signals: createSignals() })`. */
  close(this: SignalsAreMissing, ...given: unknown[]): never
}

/** What a hub has of the signals that it was given: `NoSignals` where nobody can subscribe to them, or none were given. */
export type SignalsOf<Given extends SignalSink> = [keyof Given] extends [keyof SignalSink] ? NoSignals : Given

/** Tells nobody; there is nothing to subscribe to. */
export const noSignals: SignalSink = {
  emit() {},
  hasSubscribers: () => false,
  ...Object.fromEntries(
    ['on', 'once', 'off', 'iterate', 'stats', 'close'].map((name) => [name, refuse(name)]),
  ),
}

/** In TypeScript a hub without signals has none of these; in JavaScript it says so. */
function refuse(name: string): () => never {
  return () => {
    throw new DeviceHubError(
      'invalid_options',
      `hub.signals.${name}: this hub has no signals; pass createDeviceHub({ signals: createSignals() }), from @devicehub/signals`,
      { details: { function: `hub.signals.${name}`, key: 'signals', expected: 'createSignals()' } },
    )
  }
}
