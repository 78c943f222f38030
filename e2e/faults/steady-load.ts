import type { LedgerPublisher } from '@devicehub/test-kit'
import { type Publication, publications } from './workload.js'

/** Publishes at a steady rate until it is ended. */
export interface SteadyLoad {
  readonly sent: number
  /** Resolves when all that was sent is acknowledged by the broker. */
  end(): Promise<number>
}

export function startLoad(publisher: LedgerPublisher, rate: number): SteadyLoad {
  let sent = 0
  let ended = false
  function* endless(): Generator<Publication> {
    for (const publication of publications(Number.POSITIVE_INFINITY)) {
      if (ended) return
      sent++
      yield publication
    }
  }
  const publishing = publisher.publishAll(endless(), { rate })
  publishing.catch(() => {})
  return {
    get sent() {
      return sent
    },
    async end() {
      ended = true
      await publishing
      return sent
    },
  }
}
