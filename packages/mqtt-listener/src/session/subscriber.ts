import type { Logger } from '@devicehub/core'
import type { Grants } from '../connection/grants.js'
import type { Link } from '../connection/link.js'
import type { BrokerCounters } from '../reporting/counters.js'
import type { BrokerSettings } from '../settings/broker-settings.js'
import { subscribeAgain, subscribeAll } from './subscribe.js'
import { hasShared, type Subscriptions } from './subscriptions.js'

export interface SubscriberOptions {
  readonly settings: BrokerSettings
  readonly subscriptions: Subscriptions
  readonly counters: BrokerCounters
  readonly logger: Logger
  /** Fields of each log line. */
  readonly fields: Readonly<Record<string, string>>
  /** The broker should still have the session: another process has used it before. */
  readonly resumes: boolean
}

/** Subscribes a session on each of its connections, as far as the broker has not kept the subscriptions. */
export interface Subscriber {
  /** Resolves when every filter is granted. Rejects when the connection ends. */
  subscribe(link: Link, grants: Grants): Promise<void>
  /** Filters the broker refuses at present; null when all are granted. */
  readonly refusal: Error | null
  /** The session has been deleted: the next connection starts a new one. */
  reset(): void
}

export function createSubscriber(options: SubscriberOptions): Subscriber {
  const { settings, subscriptions, counters, logger, fields, resumes } = options
  const { cleanStart, sessionExpiry } = settings
  const shared = hasShared(subscriptions)
  let refusal: Error | null = null
  let subscribed = false
  let connectedBefore = false
  /** The broker has had the session: it said so, or granted a subscription in it. A session without any gets nothing. */
  let known = resumes

  function reportSession({ sessionPresent, sessionExpiry: granted }: Grants): void {
    if (connectedBefore) counters.reconnects++
    if (known && !sessionPresent && !cleanStart) {
      counters.sessionsLost++
      logger.warn(fields, 'the broker no longer has the session: messages sent meanwhile may be lost')
    }
    known = sessionPresent
    if (granted < sessionExpiry && !connectedBefore)
      logger.warn(
        { ...fields, granted, wanted: sessionExpiry },
        'the broker keeps the session for a shorter time than requested',
      )
  }

  /** Mosquitto 2.0 loses its shared subscriptions when it restarts, and still reports the session as present. */
  function reportResumedShare(): void {
    counters.sharedSessionsResumed++
    logger.warn(
      { ...fields, group: settings.sharedGroup },
      'resumed a session with shared subscriptions. If the broker has restarted without its shared subscriptions (Mosquitto 2.0), every message sent until now is lost. A single process needs no sharedGroup',
    )
  }

  const report = {
    granted() {
      known = true
    },
    refused(error: Error) {
      refusal = error
      logger.error({ ...fields, err: error }, error.message)
    },
    downgraded(filter: string, qos: number) {
      logger.warn({ ...fields, filter, qos }, `the broker grants "${filter}" with QoS ${qos} only`)
    },
  }

  return {
    async subscribe(link, grants) {
      reportSession(grants)
      const isFirst = !connectedBefore
      connectedBefore = true
      if (subscribed && grants.sessionPresent && !shared) return
      if (grants.sessionPresent && shared) reportResumedShare()
      subscribed = false
      await subscribeAll(link, grants, subscriptions, settings, report)
      refusal = null
      subscribed = true
      subscribeAgain(link, subscriptions)
      // Otherwise the listener would get every message twice: once through the former group.
      if (isFirst && grants.sessionPresent && !shared)
        link.unsubscribe(subscriptions.formerFilters).catch(() => {})
    },
    get refusal() {
      return refusal
    },
    reset() {
      subscribed = false
      connectedBefore = false
      known = false
    },
  }
}
