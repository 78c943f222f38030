import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { Clock } from '../ports/clock.js'
import type { Logger } from '../ports/logger.js'
import type { Metrics } from '../ports/metrics.js'
import type { DeviceRecord, StatusTransition, Storage } from '../ports/storage.js'

/** The part of a hub that the presence monitor works with; every `DeviceHub` has it. */
export interface PresenceHub {
  readonly types: readonly AnyDeviceType[]
  readonly storage: Storage
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly topicPrefix: string
  announce(transition: StatusTransition, record: DeviceRecord, reason: string): void
  onClose(end: () => void | Promise<void>): () => void
}
