import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { monotonic } from './monotonic.js'

export interface LeaseRow {
  readonly name: string
  /** Empty: nobody. */
  readonly holder: string
  readonly epoch: number
  readonly note: string | null
}

/** Looks at the leases of all slots every 50 ms, on a connection of its own, and at itself: whether it was late. */
export interface LeaseWatch extends AsyncDisposable {
  /** As last seen, by name. */
  readonly rows: ReadonlyMap<string, LeaseRow>
  /** An epoch that went back, or had two holders; each once. */
  readonly violations: readonly string[]
  readonly samples: number
  /** Claims seen. */
  readonly epochs: number
  /** Milliseconds beyond the expected between two looks, since `from`: a stalled machine or database. */
  stalledSince(from: number): number
  /** After each look; `at` is when it was begun. */
  onLook(listener: (rows: ReadonlyMap<string, LeaseRow>, at: number) => void): void
}

const EVERY = 50

export function watchLeases(url: string): LeaseWatch {
  const rows = new Map<string, LeaseRow>()
  const holders = new Map<string, string>()
  const violations = new Set<string>()
  const stalls: { readonly at: number; readonly ms: number }[] = []
  const listeners: ((rows: ReadonlyMap<string, LeaseRow>, at: number) => void)[] = []
  let samples = 0
  let lastLook = 0
  let stopped = false

  function see(row: LeaseRow): void {
    const before = rows.get(row.name)
    if (before !== undefined && row.epoch < before.epoch)
      violations.add(`${row.name}: epoch ${row.epoch} after ${before.epoch}`)
    rows.set(row.name, row)
    if (row.holder === '') return
    const key = `${row.name} ${row.epoch}`
    const other = holders.get(key)
    if (other === undefined) holders.set(key, row.holder)
    else if (other !== row.holder) violations.add(`${key}: held by ${other} and by ${row.holder}`)
  }

  async function look(client: pg.Client): Promise<void> {
    const at = monotonic()
    const query = 'select name, holder, epoch, note from devicehub_lease where name like $1'
    const result = await client.query<{ name: string; holder: string; epoch: string; note: string | null }>(
      query,
      ['slot/%'],
    )
    for (const row of result.rows) see({ ...row, epoch: Number(row.epoch) })
    const now = monotonic()
    if (lastLook > 0 && now - lastLook > 2 * EVERY) stalls.push({ at: now, ms: now - lastLook - 2 * EVERY })
    lastLook = now
    samples++
    for (const listener of listeners) listener(rows, at)
  }

  async function watch(): Promise<void> {
    while (!stopped) {
      const client = new pg.Client({ connectionString: url })
      client.on('error', () => {})
      try {
        await client.connect()
        while (!stopped) {
          await look(client)
          await sleep(EVERY)
        }
      } catch {
        // The database is away, on purpose or not: what is missed shows as a gap between two looks.
        await sleep(EVERY)
      } finally {
        await client.end().catch(() => {})
      }
    }
  }
  const watching = watch()

  return {
    rows,
    get violations() {
      return [...violations]
    },
    get samples() {
      return samples
    },
    get epochs() {
      return holders.size
    },
    stalledSince: (from) => stalls.reduce((sum, { at, ms }) => sum + Math.max(0, Math.min(ms, at - from)), 0),
    onLook: (listener) => void listeners.push(listener),
    async [Symbol.asyncDispose]() {
      stopped = true
      await watching
    },
  }
}
