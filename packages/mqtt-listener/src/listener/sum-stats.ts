import type { ConnectionState } from '../connection/keep-connected.js'
import type { BrokerStats } from './broker.js'

/** The figures of all brokers together. There is at least one. */
export const sumOf = (stats: readonly BrokerStats[]): BrokerStats => stats.reduce(add)

function add(sum: BrokerStats, next: BrokerStats): BrokerStats {
  const total: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(next)) {
    const other = sum[name as keyof BrokerStats]
    total[name] = typeof value === 'number' ? value + (other as number) : value
  }
  return {
    ...(total as unknown as BrokerStats),
    peakInFlight: Math.max(sum.peakInFlight, next.peakInFlight),
    slot: sum.slot ?? next.slot,
    lastError: sum.lastError ?? next.lastError,
    state: worse(sum.state, next.state),
  }
}

const isWell = (state: ConnectionState) => state === 'connected' || state === 'standby'

/** The first state that is not well; of two that are well, `standby`. */
function worse(a: ConnectionState, b: ConnectionState): ConnectionState {
  if (!isWell(a)) return a
  return a === 'connected' || !isWell(b) ? b : a
}
