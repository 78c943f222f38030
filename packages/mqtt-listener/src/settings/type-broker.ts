import type { AnyDeviceType } from '@devicehub/core'
import { effectiveOptions } from '@devicehub/core/definition'

/** The name of the broker a device type uses. */
export const brokerOf = (type: AnyDeviceType): string => effectiveOptions(type).broker

export const protocolOf = (type: AnyDeviceType): string => effectiveOptions(type).protocol

/** Whether a listener subscribes to the topics of this type: an abstract type has no devices. */
export const isMqttType = (type: AnyDeviceType): boolean => !type.abstract && protocolOf(type) === 'mqtt'
