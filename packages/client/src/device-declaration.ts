import type { AnyDeviceType } from '@devicehub/core/definition'

/** The device to declare without a device type: nothing is checked but that JSON can hold it. */
export interface UntypedDevice {
  /** Name of the device type at the hub. */
  readonly type: string
  /** Where the hub's type has one of its own. */
  readonly topicTemplate?: string | undefined
}

/** A device type, or the name of one the client does not have. */
export type DeviceDeclaration = AnyDeviceType | UntypedDevice
