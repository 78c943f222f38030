import { createSendQuota, isSlowDown, reasonOf } from '@devicehub/core/transport'
import { createBackoff, createCondition } from '@devicehub-internal/async'
import type { BrokerConnection, PublicationProperties } from './broker-connection.js'
import { type Item, packetSize } from './publication.js'
import { givenUp, queueFull, refusedByBroker, tooLarge } from './publish-errors.js'

export interface PublisherOptions {
  readonly maxQueued: number
  readonly maxQueuedBytes: number
  readonly maxInFlight: number
  readonly maxAttempts: number
  readonly ackTimeoutMs: number
  /** The broker has not confirmed the oldest publication for `ackTimeoutMs`: the connection is of no use any more. */
  readonly onStalled: () => void
  /** The broker has confirmed a publication. */
  readonly onConfirmed?: (() => void) | undefined
}

/** Publications on their way to the broker. */
export interface PublisherStats {
  /** Publications that wait to be sent. */
  readonly queued: number
  /** Payload bytes of those. */
  readonly queuedBytes: number
  /** Sent and not confirmed yet. */
  readonly inFlight: number
  /** How many may be in flight now: the broker's Receive Maximum, `maxInFlight`, or less after it asked to slow down. */
  readonly inFlightLimit: number
  /** Publications the broker has confirmed. */
  readonly confirmed: number
  /** Sent again after a connection was lost. */
  readonly resent: number
  /** Times that limit was halved: the broker asked to slow down, or a connection ended with nothing confirmed. */
  readonly slowDowns: number
}

/**
 * Publications on their way to the broker at QoS 1. What is not confirmed when a connection ends is sent again on the
 * next one, in order; so the broker may get it twice, and the ids of the samples tell.
 */
export interface Publisher {
  /**
   * Resolves when the broker confirmed it. `queue_full` at once when there is no room. `maxLosses`: connections that may be
   * lost while it alone is in flight; default `maxAttempts`.
   */
  push(
    topic: string,
    payload: Uint8Array,
    signal?: AbortSignal,
    properties?: PublicationProperties,
    maxLosses?: number,
  ): Promise<void>
  attach(connection: BrokerConnection): void
  detach(reasonCode: number | null): void
  /** Resolves when there is room in the queue. */
  room(): Promise<void>
  /** Resolves when nothing is queued or in flight. */
  idle(): Promise<void>
  /** Rejects all that is queued or in flight. */
  rejectAll(error: Error): void
  /** Something was sent on this connection and nothing confirmed: the broker may end it because of that. */
  readonly isSuspect: boolean
  stats(): PublisherStats
}

export function createPublisher(options: PublisherOptions): Publisher {
  const { maxQueued, maxQueuedBytes, maxInFlight, maxAttempts, ackTimeoutMs } = options
  let queue: Item[] = []
  let queued = 0
  let queuedBytes = 0
  const inFlight = new Set<Item>()
  let connection: BrokerConnection | null = null
  let quota = createSendQuota(maxInFlight)
  /** What the broker has shown to bear; below the quota it grants after it asked to slow down. */
  let inFlightLimit = maxInFlight
  let confirmedOnConnection = 0
  let confirmedSinceGrowth = 0
  let pause: ReturnType<typeof setTimeout> | undefined
  let stallTimer: ReturnType<typeof setTimeout> | undefined
  const slowness = createBackoff({ min: 500, max: 30_000 })
  const totals = { confirmed: 0, resent: 0, slowDowns: 0 }
  const condition = createCondition()

  const hasRoom = () => queued < maxQueued && queuedBytes < maxQueuedBytes
  const isIdle = () => queued === 0 && inFlight.size === 0
  function leaveQueue(item: Item): void {
    queued--
    queuedBytes -= item.payload.byteLength
  }

  function pump(): void {
    while (connection !== null && pause === undefined && queue.length > 0) {
      const item = queue[0] as Item
      const size = packetSize(item)
      const largest = connection.maximumPacketSize ?? Number.POSITIVE_INFINITY
      if (size <= largest && !quota.tryAcquire()) break
      queue.shift()
      leaveQueue(item)
      if (size <= largest) send(item, connection)
      else reject(item, tooLarge(item.topic, size, largest))
    }
    condition.check()
  }

  function send(item: Item, through: BrokerConnection): void {
    inFlight.add(item)
    item.sentAt = performance.now()
    if (item.sends++ > 0) totals.resent++
    watchForStall()
    through.publish(item.topic, item.payload, { ...item.properties, again: item.sends > 1 }).then(
      () => {
        // A late answer of a connection that is gone: the publication is queued again already.
        if (through === connection) confirmed(item)
      },
      (error: unknown) => {
        if (through === connection) refused(item, error)
      },
    )
  }

  function leaveFlight(item: Item): void {
    inFlight.delete(item)
    quota.release()
  }

  function confirmed(item: Item): void {
    leaveFlight(item)
    settle(item)
    item.resolve()
    totals.confirmed++
    options.onConfirmed?.()
    confirmedOnConnection++
    slowness.reset()
    if (++confirmedSinceGrowth >= inFlightLimit) grow()
    pump()
  }

  /** One more each time so many were confirmed: slow enough to find the rate again that the broker bears. */
  function grow(): void {
    confirmedSinceGrowth = 0
    if (connection === null || inFlightLimit >= ceiling(connection)) return
    quota.resize(++inFlightLimit)
  }

  function refused(item: Item, error: unknown): void {
    leaveFlight(item)
    const reasonCode = reasonOf(error)
    if (reasonCode !== null && isSlowDown(reasonCode)) {
      putBack([item])
      slowDown()
      pause ??= setTimeout(() => {
        pause = undefined
        pump()
      }, slowness.next())
      return
    }
    reject(item, refusedByBroker(item.topic, reasonCode, error))
    pump()
  }

  function slowDown(): void {
    totals.slowDowns++
    inFlightLimit = Math.max(1, Math.floor(inFlightLimit / 2))
    confirmedSinceGrowth = 0
    quota.resize(inFlightLimit)
  }

  /** To the front of the queue, in the order they were first sent. Bounds are not asked: these were let in before. */
  function putBack(items: readonly Item[]): void {
    const alive = items.filter((item) => !item.settled)
    for (const item of alive) {
      queued++
      queuedBytes += item.payload.byteLength
    }
    queue = [...alive, ...queue]
  }

  function settle(item: Item): void {
    item.settled = true
  }

  function reject(item: Item, error: Error): void {
    settle(item)
    item.reject(error)
  }

  function watchForStall(): void {
    if (stallTimer !== undefined) return
    const [oldest] = inFlight
    if (oldest === undefined) return
    const due = Math.max(0, oldest.sentAt + ackTimeoutMs - performance.now())
    stallTimer = setTimeout(() => {
      stallTimer = undefined
      const [still] = inFlight
      if (still !== undefined && performance.now() - still.sentAt >= ackTimeoutMs) options.onStalled()
      else watchForStall()
    }, due)
    stallTimer.unref?.()
  }

  const ceiling = (through: BrokerConnection) => Math.min(through.receiveMaximum, maxInFlight)

  return {
    push(topic, payload, signal, properties = {}, maxLosses = maxAttempts) {
      if (signal?.aborted) return Promise.reject(signal.reason)
      if (!hasRoom()) return Promise.reject(queueFull(queued, queuedBytes))
      return new Promise<void>((resolve, reject) => {
        const forget = () => signal?.removeEventListener('abort', abort)
        const item: Item = {
          topic,
          payload,
          properties,
          resolve: () => {
            forget()
            resolve()
          },
          reject: (error) => {
            forget()
            reject(error)
          },
          maxLosses,
          settled: false,
          sends: 0,
          lossesAlone: 0,
          sentAt: 0,
        }
        // One in flight keeps its place until the broker answers: only its caller has stopped waiting.
        const abort = () => {
          if (!inFlight.has(item)) {
            queue.splice(queue.indexOf(item), 1)
            leaveQueue(item)
          }
          settle(item)
          item.reject(signal?.reason)
          condition.check()
        }
        signal?.addEventListener('abort', abort)
        queue.push(item)
        queued++
        queuedBytes += payload.byteLength
        pump()
      })
    },
    attach(next) {
      connection = next
      confirmedOnConnection = 0
      confirmedSinceGrowth = 0
      inFlightLimit = Math.min(inFlightLimit, ceiling(next))
      quota = createSendQuota(inFlightLimit)
      pump()
    },
    detach(reasonCode) {
      if (connection === null) return
      connection = null
      clearTimeout(pause)
      clearTimeout(stallTimer)
      pause = undefined
      stallTimer = undefined
      const unconfirmed = [...inFlight]
      inFlight.clear()
      // The broker may have closed because of what was sent: fewer at a time, until the one that does it is found.
      if (
        (reasonCode !== null && isSlowDown(reasonCode)) ||
        (unconfirmed.length > 1 && confirmedOnConnection === 0)
      )
        slowDown()
      const [alone] = unconfirmed
      if (
        alone !== undefined &&
        unconfirmed.length === 1 &&
        !alone.settled &&
        ++alone.lossesAlone >= alone.maxLosses
      )
        reject(alone, givenUp(alone.topic, alone.lossesAlone))
      putBack(unconfirmed)
      condition.check()
    },
    room: () => condition.when(hasRoom),
    idle: () => condition.when(isIdle),
    rejectAll(error) {
      const all = [...inFlight, ...queue].filter((item) => !item.settled)
      queue = []
      inFlight.clear()
      quota = createSendQuota(inFlightLimit)
      queued = 0
      queuedBytes = 0
      for (const item of all) reject(item, error)
      condition.check()
    },
    get isSuspect() {
      return inFlight.size > 0 && confirmedOnConnection === 0
    },
    stats: () => ({ queued, queuedBytes, inFlight: inFlight.size, inFlightLimit, ...totals }),
  }
}
