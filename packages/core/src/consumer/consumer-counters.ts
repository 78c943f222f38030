import type { Metrics } from '../ports/metrics.js'
import type { ConsumerState, ConsumerStats } from './consumer.js'

/** What a consumer counts, and where it is now. */
export interface ConsumerCounters {
  state: ConsumerState
  epoch: number | null
  cursor: string | null
  missed: number
  lagMs: number
  handled(messages: number): void
  failed(error: unknown): void
  setAside(): void
  retried(): void
  fenced(): void
  stats(): ConsumerStats
}

export function createConsumerCounters(metrics: Metrics, consumer: string): ConsumerCounters {
  const labels = { consumer }
  const counts = { handled: 0, failures: 0, setAside: 0, retried: 0, fenced: 0 }
  let lastError: unknown = null

  function count(name: keyof typeof counts, by: number): void {
    counts[name] += by
    if (by > 0) metrics.count(METRIC_NAMES[name], by, labels)
  }

  const counters: ConsumerCounters = {
    state: 'starting',
    epoch: null,
    cursor: null,
    missed: 0,
    lagMs: 0,
    handled(messages) {
      count('handled', messages)
      if (messages > 0) metrics.observe('devicehub_consumer_batch_messages', messages, labels)
      metrics.gauge('devicehub_consumer_lag_ms', counters.lagMs, labels)
    },
    failed(error) {
      lastError = error
      count('failures', 1)
    },
    setAside: () => count('setAside', 1),
    retried: () => count('retried', 1),
    fenced: () => count('fenced', 1),
    stats: () => {
      const { state, epoch, cursor, missed, lagMs } = counters
      return { state, epoch, cursor, ...counts, missed, lagMs, lastError }
    },
  }
  return counters
}

const METRIC_NAMES = {
  handled: 'devicehub_consumer_messages_total',
  failures: 'devicehub_consumer_failures_total',
  setAside: 'devicehub_consumer_set_aside_total',
  retried: 'devicehub_consumer_retried_total',
  fenced: 'devicehub_consumer_fenced_total',
} as const
