export type MetricLabels = Readonly<Record<string, string>>

/** Where counters and measurements go. The names are listed in the documentation; the default drops them. */
export interface Metrics {
  count(name: string, by?: number, labels?: MetricLabels): void
  gauge(name: string, value: number, labels?: MetricLabels): void
  /** One measurement of a distribution, in the unit the name ends with (`_ms`, `_bytes`, `_messages`). */
  observe(name: string, value: number, labels?: MetricLabels): void
}

export const noMetrics: Metrics = { count() {}, gauge() {}, observe() {} }
