import type { DeviceStatus } from '@devicehub/core'
import type { StatusTransition } from '@devicehub/core/storage'
import { T0 } from '../fixtures.js'

export const brief = ({ deviceId, from, to, at }: StatusTransition) => [deviceId, from, to, at - T0]

export const to = (value: DeviceStatus, from?: readonly DeviceStatus[]) => ({
  status: from ? { value, from } : { value },
})
