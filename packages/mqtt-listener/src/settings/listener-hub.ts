import type {
  AnyDeviceType,
  AttachedHandler,
  Clock,
  InboundMessage,
  Logger,
  Metrics,
  Refusal,
  Settle,
  SharedGroups,
  Storage,
  Transport,
} from '@devicehub/core'

/** What a listener needs of a hub; every `DeviceHub` is one. */
export interface ListenerHub {
  /** The concrete types: what to subscribe to. */
  readonly types: readonly AnyDeviceType[]
  readonly topicPrefix: string
  readonly ingest: {
    /** False: the queue is full. The message was taken, the next one must wait for `drained()`. */
    push(message: InboundMessage, settle: Settle): boolean
    drained(): Promise<void>
  }
  /** Resolves when the audit row is committed; rejects while the storage is away. */
  quarantine(message: InboundMessage, refusal: Refusal, handler: string): Promise<void>
  /** Makes a topic handler known to replays; returns the way to undo it. */
  attachHandler(handler: AttachedHandler): () => void
  /** Where slots are leased; a listener without slots needs none. */
  readonly storage?: Pick<Storage, 'leases'>
  /** Where a group would be unsafe; without it a group is allowed everywhere. */
  readonly sharedGroups?: Pick<SharedGroups, 'assertAllowed' | 'join'>
  attach(transport: Transport): () => void
  /** Whether a transport of that name is attached. */
  isServed?(broker: string): boolean
  readonly logger: Logger
  readonly metrics: Metrics
  readonly clock: Clock
}
