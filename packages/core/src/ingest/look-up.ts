import { errorLine, toLine } from '../model/codec/text.js'
import { isDeviceHubError } from '../model/errors.js'
import type { Logger } from '../ports/logger.js'
import { type PlannedMessage, refuse } from './planned-message.js'
import type { Retry } from './retry.js'

export interface LookUpOptions {
  /** Finds the devices and the commands of a batch; can be called again with a part of it. */
  readonly find: (planned: readonly PlannedMessage[]) => Promise<void>
  readonly retry: Retry
  readonly logger: Logger
}

/**
 * Finds what a batch needs from the database, and waits for one that is away. One that refuses a look-up or the creation
 * of a device does so for good: the batch is halved until the message at fault stands alone, and that is refused
 * (invariant 3).
 */
export function createLookUp({ find, retry, logger }: LookUpOptions) {
  return async function lookUp(planned: readonly PlannedMessage[]): Promise<void> {
    try {
      await retry(() => find(planned), isRefused)
    } catch (error) {
      const [only] = planned
      if (!isRefused(error) || only === undefined) throw error
      if (planned.length > 1) {
        const middle = planned.length >> 1
        await lookUp(planned.slice(0, middle))
        return lookUp(planned.slice(middle))
      }
      logger.warn(
        { err: error, topic: toLine(only.inbound.topic, 200) },
        'the database refused to look up what a message is of; it is recorded as rejected',
      )
      refuse(only, 'rejected', {
        code: 'storage_failed',
        reason: `the database refused to look up its device or command: ${errorLine(error)}`,
      })
      only.touch = null
    }
  }
}

const isRefused = (error: unknown): boolean => isDeviceHubError(error, 'storage_failed')
