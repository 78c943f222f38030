import type { DeviceHubError, Logger } from '@devicehub/core'
import type { OutboundMessage } from '@devicehub/core/transport'
import { createCondition, doneWithin } from '@devicehub-internal/async'
import { ConnectionError, closedError, unavailable } from '../connection/connection-error.js'
import type { Grants } from '../connection/grants.js'
import { type ConnectionState, keepConnected } from '../connection/keep-connected.js'
import { createLink, type Link, type LinkEnd } from '../connection/link.js'
import { reconnectBackoff } from '../connection/reconnect-backoff.js'
import type { BrokerCounters } from '../reporting/counters.js'
import type { OutageLog } from '../reporting/outage-log.js'
import type { BrokerSettings } from '../settings/broker-settings.js'
import { type Publication, refusalBy, toPublication } from './publication.js'
import { createPublishQueue, type QueuedPublication } from './publish-queue.js'
import { interruptedError, refusedError, timeoutError } from './publisher-errors.js'
import { createStallWatch } from './stall-watch.js'

export interface PublisherOptions {
  readonly settings: BrokerSettings
  readonly clientId: string
  readonly counters: BrokerCounters
  readonly logger: Logger
  readonly outages: OutageLog
}

/**
 * Publishes on a connection of its own. On the listener's connection a PUBACK would wait behind the messages of a full
 * window, and a topic handler that publishes would wait for its own acknowledgement.
 */
export interface Publisher {
  /** Resolves when the broker has acknowledged the message (QoS 1 and 2), or when it was written (QoS 0). */
  publish(message: OutboundMessage): Promise<void>
  /** Resolves when connected for the first time. Rejects when no attempt can succeed. */
  ready(): Promise<void>
  readonly state: ConnectionState
  readonly lastError: Error | null
  /** Ends for good: sends what waits, for at most `drainTimeout`, and disconnects. */
  close(): Promise<void>
  /** Publications sent and not acknowledged. */
  readonly inFlight: number
}

/** Reason codes: Receive Maximum exceeded, message rate too high, quota exceeded. The broker will take the message later. */
const SLOW_DOWN = [0x93, 0x96, 0x97]

/** Some brokers close the connection over a message they refuse. Without a limit it would be sent on each new connection. */
const MAX_ATTEMPTS = 5

export function createPublisher(options: PublisherOptions): Publisher {
  const { settings, clientId, counters, logger, outages } = options
  const {
    name,
    url,
    publishTimeout,
    ackTimeout,
    maxPendingPublications,
    maxInFlightPublications,
    reconnect,
  } = settings
  const fields = { broker: name, url, clientId }
  const log = outages.of(clientId, 'warn', 'cannot publish: ')
  const slowDown = reconnectBackoff({ ...reconnect, min: Math.min(0.1, reconnect.max) })
  const queue = createPublishQueue()
  /** In the order sent. A publication stays here until it is acknowledged, also after its sender has given up. */
  const inFlight = new Set<QueuedPublication>()
  let link: Link | null = null
  let grants: Grants | null = null
  /** At most so many are in flight: `maxInFlightPublications`; halved when the broker asks to slow down, and then growing again. */
  let sendLimit = maxInFlightPublications
  let pauseTimer: NodeJS.Timeout | null = null
  let closed = false
  let confirmedOnLink = 0
  /** The broker left a publication unconfirmed, and has confirmed none since. */
  let stalled: ConnectionError | null = null
  const stallWatch = createStallWatch(inFlight, ackTimeout, onStalled)
  /** Publications whose sender waits. */
  let unsettled = 0
  const condition = createCondition()

  function settle(entry: QueuedPublication, error?: DeviceHubError): void {
    if (entry.settled) return
    entry.settled = true
    unsettled--
    clearTimeout(entry.timer)
    if (error === undefined) {
      counters.published++
      entry.resolve()
    } else {
      counters.publishFailed++
      entry.reject(error)
    }
  }

  function sendQueued(): void {
    while (link !== null && grants !== null && pauseTimer === null) {
      if (inFlight.size >= Math.min(Math.floor(sendLimit), grants.receiveMaximum)) break
      const entry = queue.peek()
      if (entry === undefined) break
      queue.shift()
      const refusal = refusalBy(grants, entry)
      if (refusal === null) send(link, entry)
      else settle(entry, refusedError(settings, entry, refusal))
    }
    condition.check()
  }

  function send(over: Link, entry: QueuedPublication): void {
    if (entry.attempts++ > 0) counters.republished++
    entry.sentAt = performance.now()
    inFlight.add(entry)
    stallWatch.sent()
    over.publish(entry.topic, entry.payload, entry.options, (error) => {
      // `onEnd` settles or requeues what was in flight when a connection ended.
      if (over !== link || !inFlight.delete(entry)) return
      confirmedOnLink++
      const code = (error as { code?: unknown } | undefined)?.code
      if (error === undefined) {
        if (entry.options.qos > 0) endStall()
        slowDown.reset()
        sendLimit = Math.min(maxInFlightPublications, sendLimit + 1 / sendLimit)
        settle(entry)
      } else if (typeof code === 'number' && SLOW_DOWN.includes(code)) {
        queue.unshift([entry])
        pauseSending(code)
      } else {
        settle(entry, refusedError(settings, entry, error.message))
      }
      sendQueued()
    })
  }

  function onStalled({ topic }: QueuedPublication): void {
    counters.publishStalls++
    const error = new ConnectionError(
      `the broker at ${url} has not acknowledged a message to ${topic} within ${ackTimeout / 1000} s (ackTimeout)`,
    )
    if (stalled !== null) logger.debug(fields, error.message)
    else
      logger.warn(
        { ...fields, inFlight: inFlight.size },
        `cannot publish: ${error.message}; connecting again`,
      )
    stalled = error
    link?.drop(error)
  }

  function endStall(): void {
    if (stalled === null) return
    stalled = null
    logger.warn(fields, 'the broker acknowledges messages again')
  }

  function pauseSending(reasonCode: number): void {
    counters.throttled++
    if (pauseTimer !== null) return
    const delay = slowDown.next()
    logger.warn({ ...fields, reasonCode, delay }, 'the broker asks the publisher to slow down')
    pauseTimer = setTimeout(() => {
      pauseTimer = null
      sendQueued()
    }, delay)
  }

  function onEnd(ended: Link, end: LinkEnd): void {
    if (ended !== link) return
    link = null
    stallWatch.stop()
    grants = null
    const reasonCode = end.disconnect?.reasonCode ?? null
    const throttled = reasonCode !== null && SLOW_DOWN.includes(reasonCode)
    if (throttled) {
      sendLimit = Math.max(1, sendLimit / 2)
      pauseSending(reasonCode)
    }
    const interrupted = [...inFlight]
    inFlight.clear()
    // The broker may have the message. QoS 0 means at most once and QoS 2 exactly once: only QoS 1 may be sent again.
    const mayRepeat = ({ options, attempts }: QueuedPublication) =>
      options.qos === 1 && (throttled || attempts < MAX_ATTEMPTS)
    for (const entry of interrupted)
      if (!mayRepeat(entry)) settle(entry, interruptedError(settings, entry, end))
    queue.unshift(interrupted.filter(mayRepeat))
    condition.check()
  }

  const connection = keepConnected({
    createLink: () =>
      createLink({
        settings,
        clientId,
        clean: true,
        sessionExpiry: 0,
        publishes: true,
        onPublish: () => true,
      }),
    async prepare(ready, granted) {
      link = ready
      confirmedOnLink = 0
      grants = granted
    },
    onEnd,
    onState(state, error, retryInMs) {
      if (state === 'connected') {
        log.connected()
        sendQueued()
      } else if (error !== null) {
        // `onStalled` has told of it, once for all connections until the broker acknowledges something.
        if (error !== stalled) log.failed(error, retryInMs)
      } else if (state === 'stopped') log.ended()
    },
    reconnect,
    clientId,
    counters,
    // A broker may close the connection because of a message sent on it.
    isIdle: () => inFlight.size === 0,
    wasOfUse: () => inFlight.size === 0 || confirmedOnLink > 0,
  })

  const lastError = () => connection.lastError ?? stalled

  function enqueue(publication: Publication): Promise<void> {
    return new Promise((resolve, reject) => {
      const entry: QueuedPublication = {
        ...publication,
        resolve,
        reject,
        timer: undefined,
        attempts: 0,
        sentAt: 0,
        settled: false,
      }
      entry.timer = setTimeout(() => {
        settle(entry, timeoutError(settings, entry, lastError()))
        // Lets settled entries leave the queue while nothing is sent.
        queue.peek()
        condition.check()
      }, publishTimeout)
      unsettled++
      queue.push(entry)
      sendQueued()
    })
  }

  async function close(): Promise<void> {
    closed = true
    if (unsettled > 0 && link !== null) {
      const empty = condition.when(() => unsettled === 0)
      await doneWithin(settings.drainTimeout, Promise.race([empty, link.closed]))
    }
    const last = connection.stop()
    if (pauseTimer !== null) clearTimeout(pauseTimer)
    await last?.end()
    for (const entry of queue.takeAll())
      settle(entry, closedError(`the listener was stopped before the message to ${entry.topic} was sent`))
  }

  return {
    async publish(message) {
      if (closed) throw closedError(`the listener of the broker at ${url} was stopped`)
      const publication = toPublication(message, settings.protocolVersion)
      if (unsettled >= maxPendingPublications) {
        counters.publishFailed++
        throw unavailable(
          `${maxPendingPublications} publications are pending at the broker ${url} (maxPendingPublications); publish more slowly`,
        )
      }
      return enqueue(publication)
    },
    close,
    ready: () => connection.ready,
    get state() {
      return connection.state
    },
    get lastError() {
      return lastError()
    },
    get inFlight() {
      return inFlight.size
    },
  }
}
