import { type AnyDeviceType, defineDeviceType } from '@devicehub/core/definition'

/** A device without a device type: values are not checked, except that JSON must be able to hold them. */
export interface UntypedDevice {
  /** Name of the device type at the hub. */
  readonly type: string
  /** The template of the hub's type, if it has its own. */
  readonly topicTemplate?: string | undefined
}

/** A device type, or the name of one the client does not have. */
export type DeviceDeclaration = AnyDeviceType | UntypedDevice

/** A device type without fields: it checks the name and knows the topics. */
export function placeholder({ type, topicTemplate }: UntypedDevice): AnyDeviceType {
  return defineDeviceType(type, { topicTemplate })
}
