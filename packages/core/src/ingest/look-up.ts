import { errorLine, toLine } from '../model/codec/text.js'
import { isDeviceHubError } from '../model/errors.js'
import type { Logger } from '../ports/logger.js'
import type { Decider } from './decide-messages.js'
import type { DecidedMessage } from './decided-message.js'
import type { Retry } from './retry.js'
import type { TakenMessage } from './taken-message.js'

export interface LookUpOptions {
  readonly decider: Decider
  readonly retry: Retry
  readonly logger: Logger
}

/**
 * Decides a batch with what it needs from the database, and waits for one that is away. One that refuses a look-up or the
 * creation of a device does so for good: the batch is halved until the message at fault stands alone, and that is refused
 * (invariant 3).
 */
export function createLookUp({ decider, retry, logger }: LookUpOptions) {
  return async function lookUp(taken: readonly TakenMessage[]): Promise<readonly DecidedMessage[]> {
    try {
      return await retry(() => decider.decide(taken), isRefused)
    } catch (error) {
      const [only] = taken
      if (!isRefused(error) || only === undefined) throw error
      if (taken.length > 1) {
        const middle = taken.length >> 1
        const first = await lookUp(taken.slice(0, middle))
        return [...first, ...(await lookUp(taken.slice(middle)))]
      }
      logger.warn(
        { err: error, topic: toLine(only.envelope.topic, 200) },
        'the database refused to look up what a message is of; it is recorded as rejected',
      )
      const reason = `the database refused to look up its device or command: ${errorLine(error)}`
      return [decider.decideRefused(only, { code: 'storage_failed', reason })]
    }
  }
}

const isRefused = (error: unknown): boolean => isDeviceHubError(error, 'storage_failed')
