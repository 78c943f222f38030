import type { MessageRecord } from '../message.js'
import type { DeviceStatus } from '../statuses.js'
import type { AnyDeviceType, Device } from './device-type.js'
import type { InferCommands, InferReadings, InferState } from './infer.js'
import type { Shown } from './shown.js'

type Parts = Pick<AnyDeviceType, 'readings' | 'commands' | 'state'>

/** Called after the commit, isolated from ingest and from each other: what a hook throws is logged and counted. */
export interface Hooks<T extends Parts> {
  /** One sample was stored. */
  onData?(event: DataEvent<T>): unknown
  /** The device's status became another. */
  onStatusChange?(event: {
    device: Device<InferState<T>>
    oldStatus: DeviceStatus
    newStatus: DeviceStatus
  }): unknown
  /** The device became reachable. */
  onConnect?(event: { device: Device<InferState<T>> }): unknown
  /** The device is not reachable any more; `reason` says who found that and why. */
  onDisconnect?(event: { device: Device<InferState<T>>; reason: string }): unknown
  /** The device replied to a command; `status` is `accepted`, `succeeded`, `failed` or `rejected`. */
  onCommandResponse?(event: CommandResponseEvent<T>): unknown
}

/** One stored sample, for `onData`. */
export interface DataEvent<T extends Parts> {
  /** The device that sent it, as it is after the commit. */
  device: Device<InferState<T>>
  /** By name; a reading that was not sent is absent. */
  readings: InferReadings<T>
  /** When it was measured, or received if the device sent no time. */
  measuredAt: Date
  /** `out_of_range:<reading>`, `clock_skew` and the like. */
  flags: readonly string[]
  /** Its audit row. */
  message: MessageRecord
}

/** Narrow by `command` to get the type of `result`; null unless the command succeeded. */
export type CommandResponseEvent<T extends Parts> = {
  [Name in keyof T['commands'] & string]: {
    device: Device<InferState<T>>
    command: Name
    id: string
    status: string
    result: InferCommands<T>[Name]['result'] | null
    error: string | null
  }
}[keyof T['commands'] & string] &
  Shown<T>
