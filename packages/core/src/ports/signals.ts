import type { AnyDeviceType } from '../device-type/device-type.js'
import type { Device } from '../hub/device.js'
import type { DeviceStatus } from './storage.js'
import type { InboundMessage } from './transport.js'

/** What the hub announces. `@devicehub/signals` narrows each to a device type for its subscribers. */
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
    readonly message: InboundMessage
  }
  deviceStatusChanged: {
    readonly type: AnyDeviceType
    readonly device: Device
    readonly oldStatus: DeviceStatus
    readonly newStatus: DeviceStatus
  }
  deviceConnected: { readonly type: AnyDeviceType; readonly device: Device }
  deviceDisconnected: { readonly type: AnyDeviceType; readonly device: Device; readonly reason: string }
  deviceCommandSent: {
    readonly type: AnyDeviceType
    readonly device: Device
    readonly command: string
    readonly payload: unknown
    readonly id: string
  }
  deviceProvisioned: { readonly type: AnyDeviceType; readonly device: Device }
}

export type SignalName = keyof SignalEvents

/** Where the hub announces; never throws and never waits for a subscriber. */
export interface SignalSink {
  emit<Name extends SignalName>(name: Name, event: SignalEvents[Name]): void
  /** Lets the hub skip the work of making an event nobody wants. */
  hasSubscribers(name: SignalName): boolean
}

export const noSignals: SignalSink = { emit() {}, hasSubscribers: () => false }
