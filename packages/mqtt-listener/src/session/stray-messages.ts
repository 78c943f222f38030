import type { IngestOutcome, Logger } from '@devicehub/core'
import { topicMatches } from '@devicehub/core/transport'
import { type Subscriptions, withoutGroup } from './subscriptions.js'

/** Tells once of a message that came by a subscription which another program left in the session. */
export interface StrayMessages {
  /** At each connection: whether the broker had kept the session. */
  connected(sessionPresent: boolean): void
  /** What became of a message. */
  settled(topic: string, outcome: IngestOutcome): void
}

export interface StrayMessagesOptions {
  readonly clientId: string
  readonly subscriptions: Subscriptions
  readonly logger: Logger
  /** Fields of the log line. */
  readonly fields: Readonly<Record<string, string>>
}

/**
 * A broker keeps the subscriptions of a session, and this listener removes only those it knows: under the client id of
 * another program it gets that program's messages, sets them aside and acknowledges them, and they are lost to it. Only what the
 * hub did not take for its topic is looked at: nothing here costs a good message anything.
 */
export function createStrayMessages(options: StrayMessagesOptions): StrayMessages {
  const { clientId, subscriptions, logger, fields } = options
  const filters = subscriptions.filters.map(withoutGroup)
  let connectedBefore = false
  /** The session is older than this process. */
  let inherited = false
  let told = false

  return {
    connected(sessionPresent) {
      inherited = connectedBefore ? inherited && sessionPresent : sessionPresent
      connectedBefore = true
    },
    settled(topic, outcome) {
      if (told || !inherited || !('code' in outcome)) return
      if (outcome.code !== 'unknown_type' && outcome.code !== 'unknown_topic') return
      if (filters.some((filter) => topicMatches(filter, topic))) return
      told = true
      logger.warn(
        { ...fields, topic: topic.slice(0, 200) },
        `received a message that this listener did not subscribe to: the broker kept the session of the client id "${clientId}" with subscriptions of an earlier program, or of an earlier version of this one. Such messages are set aside here as of an unknown type or topic, and the other program never gets them. Give each program on a broker a clientId of its own. To remove the old subscriptions, stop this listener once with stop({ endSession: true }), or start it once with cleanStart: true, which drops the messages that wait in the session`,
      )
    },
  }
}
