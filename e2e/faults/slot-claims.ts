import type { Replica, ReplicaReport } from './replica.js'

export interface SlotClaims {
  watch(replica: Replica): void
  /** Two processes that said of the same moment that they hold the same slot. */
  readonly violations: readonly string[]
  /** Reports of a held slot. */
  readonly reports: number
}

interface Span {
  readonly replica: string
  readonly epoch: number
  readonly from: number
  to: number
}

/** Milliseconds; reports come every 100. */
const GAP = 500

/**
 * Compares what the processes say of themselves. One that holds a slot under the same epoch in two reports has held it
 * all the time between them. The first report after a gap does not count: a process that was frozen in the middle of it
 * could not know yet.
 */
export function compareClaims(): SlotClaims {
  const spans = new Map<number, Span[]>()
  const lastReports = new Map<string, number>()
  const violations: string[] = []
  let reports = 0

  function add(replica: string, { at, mqtt: { slot } }: ReplicaReport): void {
    const gap = at - (lastReports.get(replica) ?? at)
    lastReports.set(replica, at)
    if (gap > GAP) return
    if (slot?.state !== 'held' || slot.number === null || slot.epoch === null) return
    reports++
    const { number, epoch } = slot
    const known = spans.get(number) ?? []
    spans.set(number, known)
    let span = known.find((each) => each.replica === replica && each.epoch === epoch)
    if (span === undefined) {
      span = { replica, epoch, from: at, to: at }
      known.push(span)
    } else span.to = at
    for (const other of known)
      if (other !== span && other.from <= span.to && span.from <= other.to)
        violations.push(
          `slot ${number}: ${replica} (epoch ${epoch}) and ${other.replica} (epoch ${other.epoch}) at one time`,
        )
  }

  return {
    watch: (replica) => replica.onReport((report) => add(replica.clientId, report)),
    get violations() {
      return [...new Set(violations)]
    },
    get reports() {
      return reports
    },
  }
}
