import type { LeaseRow, LeaseWatch } from './lease-watch.js'
import { monotonic } from './monotonic.js'

export interface Takeover {
  readonly fault: 'killed' | 'frozen'
  readonly slot: string
  /** Of the holder that was lost. */
  readonly epoch: number
  readonly lostAt: number
  /** From when it counts: later than `lostAt` when it had to wait in line. */
  from: number
  /** When the slot was seen in other hands, or empty with nothing left in it. */
  done?: number
  /** Of the time that counts, how long this process was late to look. */
  stalled?: number
}

export interface Takeovers {
  /** The slots that the process holds or adopts by the last look, to be taken over from now on. */
  expect(fault: Takeover['fault'], held: { readonly slot: string; readonly epoch: number }): Takeover[]
  readonly open: readonly Takeover[]
  report(limit: number): { readonly late: number; readonly figures: Readonly<Record<string, unknown>> }
}

/**
 * Measures how long slots stay without a holder. A process empties one lost slot after the other: when more are lost or
 * being emptied than processes are `atWork`, those that are left count from when the last one was done. The figures have
 * the time since the loss too.
 */
export function trackTakeovers(watch: LeaseWatch, atWork: () => number): Takeovers {
  const all: Takeover[] = []
  let line = false
  let emptied: readonly string[] = []
  const open = () => all.filter(({ done }) => done === undefined)
  const isOver = ({ epoch }: Takeover, row: LeaseRow | undefined) =>
    row !== undefined && (row.epoch > epoch || (row.holder === '' && row.note === null))

  watch.onLook((rows, at) => {
    const over = open().filter((each) => at >= each.lostAt && isOver(each, rows.get(each.slot)))
    for (const takeover of over) {
      takeover.done = monotonic()
      takeover.stalled = watch.stalledSince(takeover.from)
    }
    const lost = new Set(open().map(({ slot }) => slot))
    const emptying = [...rows.values()]
      .filter(({ name, holder }) => holder.endsWith('-adopts') && !lost.has(name))
      .map(({ name }) => name)
    const progress = over.length > 0 || emptied.some((name) => !emptying.includes(name))
    if (line && progress) for (const left of open()) left.from = Math.max(left.from, at)
    emptied = emptying
    line = lost.size + emptying.length > atWork()
  })

  return {
    expect(fault, held) {
      const row = watch.rows.get(held.slot)
      if (row === undefined || row.epoch !== held.epoch || row.holder === '') return []
      const lostAt = monotonic()
      // What it adopts it holds under the same name with something added.
      const mine = [...watch.rows.values()].filter(({ holder }) => holder.startsWith(row.holder))
      const added = mine
        .filter(({ name }) => /\/\d+$/.test(name))
        .map(({ name, epoch }): Takeover => ({ fault, slot: name, epoch, lostAt, from: lostAt }))
      all.push(...added)
      return added
    },
    get open() {
      return open()
    },
    report(limit) {
      const times = all.map(({ done = Number.POSITIVE_INFINITY, from, lostAt, stalled = 0, ...which }) => ({
        ...which,
        ms: Math.round(done - from),
        sinceLossMs: Math.round(done - lostAt),
        stalledMs: Math.round(stalled),
      }))
      const late = times.filter(({ ms, stalledMs }) => ms - stalledMs > limit)
      const sorted = times.map(({ ms }) => ms).sort((a, b) => a - b)
      const most = (key: 'ms' | 'sinceLossMs' | 'stalledMs') => Math.max(0, ...times.map((each) => each[key]))
      return {
        late: late.length,
        figures: {
          takeovers: all.length,
          limitMs: limit,
          p50Ms: sorted[sorted.length >> 1] ?? null,
          maxMs: most('ms'),
          inLine: all.filter(({ from, lostAt }) => from > lostAt).length,
          maxSinceLossMs: most('sinceLossMs'),
          maxStalledMs: most('stalledMs'),
          late,
        },
      }
    },
  }
}
