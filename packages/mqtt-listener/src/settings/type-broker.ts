import type { AnyDeviceType } from '@devicehub/core'

/** The name of the broker a device type uses. */
export const brokerOf = ({ options }: AnyDeviceType): string => options.broker ?? 'default'

export const protocolOf = ({ options }: AnyDeviceType): string => options.protocol ?? 'mqtt'

/** Whether a listener subscribes to the topics of this type: an abstract type has no devices. */
export const isMqttType = (type: AnyDeviceType): boolean => !type.abstract && protocolOf(type) === 'mqtt'
