import type { AnyDeviceType, Clock, InboundMessage, Logger, Metrics, Storage } from '@devicehub/core'
import type { AttachedHandler, Refusal, Settle, SharedGroups, Transport } from '@devicehub/core/transport'

/** What a listener needs of a hub. Every `DeviceHub` has it. */
export interface ListenerHub {
  /** The device types: the listener subscribes to the topics of those that use MQTT and one of its brokers. */
  readonly types: readonly AnyDeviceType[]
  /** First level of every device topic. */
  readonly topicPrefix: string
  /** Takes messages, and reports when they are committed and when there is room. */
  readonly ingest: {
    /** False: the message was accepted, but the queue is full. Wait for `drained()` before the next `push`. */
    push(message: InboundMessage, settle: Settle): boolean
    drained(): Promise<void>
  }
  /** Stores a message that could not be handled. Resolves after the commit; rejects while the storage is unavailable. */
  quarantine(message: InboundMessage, refusal: Refusal, handler: string): Promise<void>
  /** Registers a topic handler for replays. Returns the function that removes it. */
  attachHandler(handler: AttachedHandler): () => void
  /** Slots are leased here. A listener without slots needs none. */
  readonly storage?: Pick<Storage, 'leases'> & Partial<Pick<Storage, 'name' | 'capabilities'>>
  /** Says whether a shared subscription is safe at a broker. Without it, every group is allowed. */
  readonly sharedGroups?: Pick<SharedGroups, 'assertAllowed' | 'join'>
  /** As `hub.attach`: the hub publishes through the listener from now on. Returns a function that ends this. */
  attach(transport: Transport): () => void
  /** Whether a transport of that name is attached. */
  isServed?(broker: string): boolean
  /** As `hub.onClose`: a closed hub refuses a new listener with it. */
  onClose?(end: () => void): () => void
  /** Where the listener writes its lines. */
  readonly logger: Logger
  /** Where its counters go, once a second. */
  readonly metrics: Metrics
  /** The time of arrival comes from it. */
  readonly clock: Clock
}
