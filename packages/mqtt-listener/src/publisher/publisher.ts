import { createBackoff, DeviceHubError, type Logger, type OutboundMessage } from '@devicehub/core'
import { type ConnectionState, keepConnected, whatNext } from '../connection/keep-connected'
import { createLink, type Grants, type Link, type LinkEnd } from '../connection/link'
import { closedError, unavailable } from '../connection/link-error'
import type { Counters } from '../reporting/counters'
import type { BrokerSettings } from '../settings/options'
import { type Publication, refusalBy, toPublication } from './publication'

export interface PublisherOptions {
  readonly settings: BrokerSettings
  readonly clientId: string
  readonly counters: Counters
  readonly logger: Logger
}

/**
 * Publishes on a connection of its own: on the listener's, a PUBACK would wait behind the messages of a full window,
 * and a handler that publishes would wait for itself.
 */
export interface Publisher {
  publish(message: OutboundMessage): Promise<void>
  /** Resolves when connected for the first time. Rejects when no attempt can succeed. */
  ready(): Promise<void>
  readonly state: ConnectionState
  readonly lastError: Error | null
  /** Sends what waits, for at most the drain timeout, and disconnects. */
  stop(): Promise<void>
  readonly inFlight: number
}

interface Waiting extends Publication {
  readonly resolve: () => void
  readonly reject: (error: DeviceHubError) => void
  timer: NodeJS.Timeout | undefined
  /** Times it was on the wire. */
  attempts: number
  done: boolean
}

/** Receive Maximum exceeded, message rate too high, quota exceeded: later it will be taken. */
const SLOW_DOWN = [0x93, 0x96, 0x97]

/** A message some brokers answer by closing the connection would otherwise cost the connection for ever. */
const MAX_ATTEMPTS = 5

export function createPublisher({ settings, clientId, counters, logger }: PublisherOptions): Publisher {
  const { name, url, publishTimeout, publishQueue, publishWindow, reconnect } = settings
  const fields = { broker: name, url, clientId }
  const slowDown = createBackoff({ ...reconnect, min: Math.min(100, reconnect.max) })
  /** Sent and not acknowledged, in the order sent; each has a place of the quota, also when its sender no longer waits. */
  const inFlight = new Set<Waiting>()
  let queue: Waiting[] = []
  let head = 0
  let link: Link | null = null
  let grants: Grants | null = null
  /** The window; halved when the broker complains, and then growing by one each time so many were taken. */
  let ceiling = publishWindow
  let pausedUntil: NodeJS.Timeout | null = null
  let stopped = false
  let waitingForEmpty: (() => void)[] = []

  /** Publications whose sender still waits. */
  let waiting = 0

  const isEmpty = () => waiting === 0

  function settle(entry: Waiting, error?: DeviceHubError): void {
    if (entry.done) return
    entry.done = true
    waiting--
    clearTimeout(entry.timer)
    if (error === undefined) {
      counters.published++
      entry.resolve()
    } else {
      counters.publishFailed++
      entry.reject(error)
    }
  }

  function wakeIfEmpty(): void {
    if (!isEmpty()) return
    const ready = waitingForEmpty
    waitingForEmpty = []
    for (const resolve of ready) resolve()
  }

  /** The next one whose sender still waits. Those who gave up leave the queue here, also while the broker is away. */
  function peek(): Waiting | undefined {
    while (queue[head]?.done) head++
    if (head > 1024 && head * 2 > queue.length) {
      queue = queue.slice(head)
      head = 0
    }
    return queue[head]
  }

  function pump(): void {
    while (link !== null && grants !== null && pausedUntil === null) {
      if (inFlight.size >= Math.min(Math.floor(ceiling), grants.receiveMaximum)) break
      const entry = peek()
      if (entry === undefined) break
      head++
      const refusal = refusalBy(grants, entry)
      if (refusal === null) send(link, entry)
      else settle(entry, refused(entry, refusal))
    }
    wakeIfEmpty()
  }

  function send(over: Link, entry: Waiting): void {
    entry.attempts++
    inFlight.add(entry)
    over.publish(entry.topic, entry.payload, entry.options, (error) => {
      // What was in flight on a connection that ended is dealt with there.
      if (over !== link || !inFlight.delete(entry)) return
      const code = (error as { code?: unknown } | undefined)?.code
      if (error === undefined) {
        slowDown.reset()
        ceiling = Math.min(publishWindow, ceiling + 1 / ceiling)
        settle(entry)
      } else if (typeof code === 'number' && SLOW_DOWN.includes(code)) {
        requeue([entry])
        pause(code)
      } else {
        settle(entry, refused(entry, error.message))
      }
      pump()
    })
  }

  function requeue(entries: readonly Waiting[]): void {
    queue = [...entries.filter(({ done }) => !done), ...queue.slice(head)]
    head = 0
  }

  function pause(reasonCode: number): void {
    counters.throttled++
    if (pausedUntil !== null) return
    const delay = slowDown.next()
    logger.warn({ ...fields, reasonCode, delay }, 'the broker asks the publisher to slow down')
    pausedUntil = setTimeout(() => {
      pausedUntil = null
      pump()
    }, delay)
  }

  const refused = (entry: Waiting, reason: string) =>
    new DeviceHubError(
      'publish_failed',
      `the broker at ${url} did not take the message to ${entry.topic}: ${reason}`,
      {
        details: { topic: entry.topic, broker: name },
      },
    )

  function onEnd(ended: Link, { reasonCode, error }: LinkEnd): void {
    if (ended !== link) return
    link = null
    grants = null
    const throttled = reasonCode !== null && SLOW_DOWN.includes(reasonCode)
    if (throttled) {
      ceiling = Math.max(1, ceiling / 2)
      pause(reasonCode)
    }
    const interrupted = [...inFlight]
    inFlight.clear()
    const again: Waiting[] = []
    for (const entry of interrupted) {
      // Once more could be once too often: at most once for QoS 0, exactly once for QoS 2.
      if (entry.options.qos === 1 && (throttled || entry.attempts < MAX_ATTEMPTS)) again.push(entry)
      else settle(entry, interruptedError(entry, error))
    }
    requeue(again)
    wakeIfEmpty()
  }

  const interruptedError = (entry: Waiting, cause: Error | null) =>
    new DeviceHubError(
      'transport_unavailable',
      `the connection to ${url} ended while the message to ${entry.topic} was on its way; whether the broker took it is not known`,
      { details: { topic: entry.topic, outcome: 'unknown', attempts: entry.attempts }, cause },
    )

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
      grants = granted
    },
    onEnd,
    onState(state, error) {
      if (state === 'connected') pump()
      else if (error !== null)
        logger.warn({ ...fields, err: error }, `cannot publish: ${whatNext(error, reconnect)}`)
    },
    reconnect,
    clientId,
    counters,
    // A broker may close a connection because of what was published on it.
    isIdle: () => inFlight.size === 0,
  })

  function enqueue(publication: Publication): Promise<void> {
    return new Promise((resolve, reject) => {
      const entry: Waiting = { ...publication, resolve, reject, timer: undefined, attempts: 0, done: false }
      entry.timer = setTimeout(() => {
        const details = { topic: entry.topic, outcome: entry.attempts > 0 ? 'unknown' : 'not sent' }
        const waitedFor = entry.attempts > 0 ? 'acknowledged' : 'sent'
        settle(
          entry,
          new DeviceHubError(
            'transport_unavailable',
            `the message to ${entry.topic} was not ${waitedFor} within ${publishTimeout} ms by the broker at ${url}`,
            { details, cause: connection.lastError ?? undefined },
          ),
        )
        peek()
        wakeIfEmpty()
      }, publishTimeout)
      waiting++
      queue.push(entry)
      pump()
    })
  }

  return {
    async publish(message) {
      if (stopped) throw closedError(`the listener of the broker at ${url} was stopped`)
      const publication = toPublication(message, settings.protocolVersion)
      if (waiting >= publishQueue) {
        counters.publishFailed++
        throw unavailable(
          `${publishQueue} messages wait for the broker at ${url} already; publish more slowly`,
        )
      }
      return enqueue(publication)
    },
    async stop() {
      stopped = true
      if (!isEmpty() && link !== null) {
        let timer: NodeJS.Timeout | undefined
        await Promise.race([
          new Promise<void>((resolve) => waitingForEmpty.push(resolve)),
          link.closed,
          new Promise((resolve) => {
            timer = setTimeout(resolve, settings.drainTimeout)
          }),
        ])
        clearTimeout(timer)
      }
      const last = connection.stop()
      if (pausedUntil !== null) clearTimeout(pausedUntil)
      await last?.end()
      for (const entry of queue.slice(head))
        settle(entry, closedError(`the listener was stopped before the message to ${entry.topic} was sent`))
      queue = []
      head = 0
    },
    ready: () => connection.ready,
    get state() {
      return connection.state
    },
    get lastError() {
      return connection.lastError
    },
    get inFlight() {
      return inFlight.size
    },
  }
}
