/** Names and values that tell counters of one name apart. */
export type MetricLabels = Readonly<Record<string, string>>

/** Where counters and measurements go. The names are listed in the documentation; the default drops them. */
export interface Metrics {
  /** Adds `by`, default 1, to a counter. */
  count(name: string, by?: number, labels?: MetricLabels): void
  /** Sets a value that goes up and down. */
  gauge(name: string, value: number, labels?: MetricLabels): void
  /** One measurement of a distribution, in the unit the name ends with (`_ms`, `_bytes`, `_messages`). */
  observe(name: string, value: number, labels?: MetricLabels): void
}

/** Drops everything. */
export const noMetrics: Metrics = { count() {}, gauge() {}, observe() {} }
