import type { Metrics } from '@devicehub/core'

/** What one broker's connections count, for good: a reconnect resets nothing. */
export interface Counters {
  /** PUBLISH packets taken from the broker, redelivered ones included. */
  received: number
  /** Of those, the ones the broker marked as sent before (DUP). */
  redelivered: number
  /** PUBACK and PUBREC packets written. */
  acknowledged: number
  /** Messages that were stored after their connection had ended: their acknowledgement was dropped, the broker sends them again. */
  staleAcks: number
  /** Most messages that were unacknowledged at once in one session. */
  maxInFlight: number
  /** How often the socket was left unread because the window or the hub's queue was full. */
  windowHolds: number
  /** QoS 0 messages that were dropped because too many were waiting. */
  droppedQos0: number
  /** Messages the hub could not store before it closed: not acknowledged. */
  failed: number
  /** Messages refused at the commit because another process had taken over the slot: not acknowledged. */
  fenced: number
  reconnects: number
  /** Attempts to connect and subscribe that failed, one after the other with growing pauses. */
  failedConnects: number
  /** Reconnects at which the broker had forgotten the session. */
  sessionsLost: number
  /**
   * Connections at which the broker had kept the session of a member of a group. If it was restarted and forgets its
   * groups, as Mosquitto 2.0 does, what was sent until then is lost.
   */
  sharesResumed: number
  /** Connections the broker ended because another client connected under the same id, as it said or as it appears. */
  takenOver: number
  /** Slots claimed in which a former holder had left a session. */
  slotsTaken: number
  /** Slots lost: not renewed in time, or taken over by another process. */
  slotsLost: number
  /** Sessions of unheld slots that were emptied and ended. */
  adopted: number
  /** Publications the broker took over (QoS 1 and 2) or that were written (QoS 0). */
  published: number
  publishFailed: number
  /** Times the broker asked the publisher to slow down. */
  throttled: number
  /** Calls of topic handlers that threw or took too long. */
  handlerErrors: number
}

export const createCounters = (): Counters => ({
  received: 0,
  redelivered: 0,
  acknowledged: 0,
  staleAcks: 0,
  maxInFlight: 0,
  windowHolds: 0,
  droppedQos0: 0,
  failed: 0,
  fenced: 0,
  reconnects: 0,
  failedConnects: 0,
  sessionsLost: 0,
  sharesResumed: 0,
  takenOver: 0,
  slotsTaken: 0,
  slotsLost: 0,
  adopted: 0,
  published: 0,
  publishFailed: 0,
  throttled: 0,
  handlerErrors: 0,
})

/** The name of a counter's metric: `staleAcks` is `devicehub_mqtt_stale_acks_total`. */
const metricName = (counter: string) =>
  `devicehub_mqtt_${counter.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}_total`

/**
 * Hands over what the counters grew by since the last call, instead of a call to the metrics for each message.
 * `maxInFlight` is no count and goes as a gauge.
 */
export function createMetricsReporter(metrics: Metrics, counters: Counters, broker: string): () => void {
  const reported = createCounters()
  const labels = { broker }
  const names = (Object.keys(reported) as (keyof Counters)[]).filter((name) => name !== 'maxInFlight')
  return () => {
    for (const name of names) {
      const grown = counters[name] - reported[name]
      if (grown === 0) continue
      reported[name] = counters[name]
      metrics.count(metricName(name), grown, labels)
    }
    metrics.gauge('devicehub_mqtt_max_in_flight', counters.maxInFlight, labels)
  }
}
