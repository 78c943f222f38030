import type { Logger } from '@devicehub/core'
import { createLimitedLines } from '@devicehub/core/transport'

/** Tells of QoS 0 messages that were dropped: nobody acknowledges them, so the broker does not send them again. */
export interface DroppedQos0 {
  /** More than `maxQueuedQos0` wait for the storage. */
  full(): void
  /** The session is being stopped. */
  stopping(): void
}

export interface DroppedQos0Options {
  readonly maxQueuedQos0: number
  readonly now: () => number
  readonly logger: Logger
  /** Fields of each log line. */
  readonly fields: Readonly<Record<string, string>>
}

/** The first one has a line at once, the others one a minute with their number: a flood must not become one of the log. */
export function createDroppedQos0({ maxQueuedQos0, now, logger, fields }: DroppedQos0Options): DroppedQos0 {
  const limited = createLimitedLines({ clock: { now }, onOverflow: () => {} })
  const tell = (why: string) =>
    limited(why, (more) =>
      logger.warn(
        { ...fields, dropped: more + 1 },
        `dropped ${more + 1} QoS 0 messages, which the broker does not send again: ${why}`,
      ),
    )
  return {
    full: () =>
      tell(
        `${maxQueuedQos0} wait for the storage already (maxQueuedQos0). Is the database slow? Devices whose messages matter publish with QoS 1`,
      ),
    stopping: () => tell('the listener is stopping. Devices whose messages matter publish with QoS 1'),
  }
}
