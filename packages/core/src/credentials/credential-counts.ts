import type { Metrics } from '../ports/metrics.js'
import type { CredentialsStats } from './credentials-api.js'

type Counted = Omit<CredentialsStats, 'cached'>

const METRICS: Readonly<Record<keyof Counted, string>> = {
  lookups: 'devicehub_credentials_lookups_total',
  queries: 'devicehub_credentials_queries_total',
  checks: 'devicehub_credentials_checks_total',
  hits: 'devicehub_credentials_hits_total',
  slowHashes: 'devicehub_credentials_slow_hashes_total',
}

/** Counters, for `stats()` and the metrics alike. */
export interface CredentialCounts {
  add(name: keyof Counted, by?: number): void
  readonly totals: Counted
}

export function createCredentialCounts(metrics: Metrics): CredentialCounts {
  const totals = { lookups: 0, queries: 0, checks: 0, hits: 0, slowHashes: 0 }
  return {
    add(name, by = 1) {
      totals[name] += by
      metrics.count(METRICS[name], by)
    },
    totals,
  }
}
