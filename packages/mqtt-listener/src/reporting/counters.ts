import type { Metrics } from '@devicehub/core'

/** Counters of one broker, since the listener was created. Neither a reconnect nor a restart resets them. */
export interface BrokerCounters {
  /** PUBLISH packets received, redelivered ones included. */
  received: number
  /** PUBLISH packets received with the DUP flag: the broker has sent them before. */
  redelivered: number
  /** PUBACK and PUBREC packets written. */
  acknowledged: number
  /** Messages stored after their connection had ended. They could not be acknowledged; the broker sends them again. */
  lateAcks: number
  /** The largest number of unacknowledged messages in one session so far. */
  peakInFlight: number
  /** How often reading from the socket stopped: `receiveMaximum` messages were unacknowledged, or the hub's queue was full. */
  readPauses: number
  /** QoS 0 messages dropped because `maxQueuedQos0` was full, or while the listener stopped. */
  droppedQos0: number
  /** Messages the hub could not store before it closed. They are not acknowledged. */
  failed: number
  /** Messages the database refused because another process holds the slot by now. They are not acknowledged. */
  fenced: number
  /** Connections of its sessions, each without the first. */
  reconnects: number
  /** Attempts to connect and subscribe that failed. */
  failedConnects: number
  /** Connections at which the broker no longer had a session in which it had granted subscriptions. Its messages may be lost. */
  sessionsLost: number
  /**
   * Connections at which the broker still had the session of a listener with a shared subscription. If the broker was
   * restarted and forgets shared subscriptions (Mosquitto 2.0), messages sent until then are lost.
   */
  sharedSessionsResumed: number
  /** Connections that ended because another client connected with the same client id: reported by the broker, or presumed. */
  sessionsTakenOver: number
  /** Slots claimed together with the session of an earlier holder. */
  slotsTaken: number
  /** Slots lost because the lease was not renewed in time, or because another process took it over. */
  slotsLost: number
  /** Sessions of free slots that this process has emptied and ended. */
  sessionsAdopted: number
  /** Publications that the broker acknowledged (QoS 1 and 2) or that were written (QoS 0). */
  published: number
  /** Publications refused by the broker, too late, or not taken for want of room. */
  publishFailed: number
  /** Publications that were sent again, since their connection ended before the broker confirmed them. */
  republished: number
  /** Connections of the publisher that were ended because the broker left a publication unconfirmed for `ackTimeout`. */
  publishStalls: number
  /** Times the broker asked the publisher to slow down. */
  throttled: number
  /** Calls of topic handlers that failed or exceeded their `timeout`. */
  handlerErrors: number
}

export const createCounters = (): BrokerCounters => ({
  received: 0,
  redelivered: 0,
  acknowledged: 0,
  lateAcks: 0,
  peakInFlight: 0,
  readPauses: 0,
  droppedQos0: 0,
  failed: 0,
  fenced: 0,
  reconnects: 0,
  failedConnects: 0,
  sessionsLost: 0,
  sharedSessionsResumed: 0,
  sessionsTakenOver: 0,
  slotsTaken: 0,
  slotsLost: 0,
  sessionsAdopted: 0,
  published: 0,
  publishFailed: 0,
  republished: 0,
  publishStalls: 0,
  throttled: 0,
  handlerErrors: 0,
})

/** The name of a counter's metric: `lateAcks` is `devicehub_mqtt_late_acks_total`. */
const metricName = (counter: string) =>
  `devicehub_mqtt_${counter.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}_total`

/**
 * The returned function reports by how much each counter has grown since its last call: one call of the metrics per
 * counter instead of one per message. `peakInFlight` is reported as a gauge.
 */
export function createMetricsReporter(
  metrics: Metrics,
  counters: BrokerCounters,
  broker: string,
): () => void {
  const reported = createCounters()
  const labels = { broker }
  const names = (Object.keys(reported) as (keyof BrokerCounters)[]).filter((name) => name !== 'peakInFlight')
  return () => {
    for (const name of names) {
      const grown = counters[name] - reported[name]
      if (grown === 0) continue
      reported[name] = counters[name]
      metrics.count(metricName(name), grown, labels)
    }
    metrics.gauge('devicehub_mqtt_peak_in_flight', counters.peakInFlight, labels)
  }
}
