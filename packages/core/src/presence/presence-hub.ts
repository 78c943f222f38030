import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { Clock } from '../ports/clock.js'
import type { Logger } from '../ports/logger.js'
import type { Metrics } from '../ports/metrics.js'
import type { DeviceRecord, StatusTransition, Storage } from '../ports/storage.js'

/** The part of a hub that the presence monitor works with; every `DeviceHub` has it. */
export interface PresenceHub {
  /** Whose devices are watched. */
  readonly types: readonly AnyDeviceType[]
  /** Where the devices and the lease of the monitor are. */
  readonly storage: Storage
  /** By it devices are overdue. */
  readonly clock: Clock
  /** Told what a sweep fails of. */
  readonly logger: Logger
  /** Where sweeps are counted. */
  readonly metrics: Metrics
  /** Tells hubs that share a database apart. */
  readonly topicPrefix: string
  /** Tells signals, hooks and consumers of a status change that was committed; `record` is the device before it. */
  announce(transition: StatusTransition, record: DeviceRecord, reason: string): void
  /** Has `end` called when the hub closes; returns the way to undo it. */
  onClose(end: () => void | Promise<void>): () => void
}
