import type { AnyDeviceType } from '../device-type/device-type.js'
import type { DeviceStatus } from '../ports/storage.js'

/** A device as the API and the signals show it: no credentials. */
export interface Device<State = Readonly<Record<string, unknown>>> {
  readonly type: AnyDeviceType
  readonly deviceId: string
  readonly name: string
  readonly status: DeviceStatus
  /** Percent. */
  readonly batteryLevel: number | null
  readonly lastSeen: Date | null
  readonly firmwareVersion: string | null
  readonly isActive: boolean
  readonly mqttUsername: string | null
  readonly metadata: Readonly<Record<string, unknown>>
  readonly state: State
  readonly createdAt: Date
  readonly updatedAt: Date
}
