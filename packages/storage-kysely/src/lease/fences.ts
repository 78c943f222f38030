import { fenced, type LeaseFence } from '@devicehub/core/storage'
import { type RawBuilder, sql } from 'kysely'
import { type DriverRow, readRow } from '../rows/row-reader.js'
import { LEASE_TABLE } from '../schema/tables.js'

/** Without repetitions and sorted by name, so that two commits with the same leases do not deadlock. */
export function distinctFences(fences: readonly LeaseFence[]): readonly LeaseFence[] {
  if (fences.length < 2) return fences
  const byKey = new Map(fences.map((fence) => [`${fence.epoch} ${fence.name}`, fence]))
  return [...byKey.values()].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.epoch - b.epoch))
}

/** Selects the fences that hold, as `name` and `epoch`. */
export const fenceRows = (fences: readonly LeaseFence[], more: RawBuilder<unknown> = sql``) =>
  sql`select l.name as c0, l.epoch as c1 ${more} from ${sql.table(LEASE_TABLE)} as l
    where ${sql.join(
      fences.map(({ name, epoch }) => sql`(l.name = ${name} and l.epoch = ${epoch})`),
      sql` or `,
    )} order by l.name`

/** The first fence that is not among the rows of `fenceRows`. */
export function missingFence(
  fences: readonly LeaseFence[],
  rows: readonly DriverRow[],
): LeaseFence | undefined {
  const held = new Set(rows.map(readRow).map((row) => `${row.number(1)} ${row.text(0)}`))
  return fences.find(({ name, epoch }) => !held.has(`${epoch} ${name}`))
}

/** Throws `fenced` unless each fence is among the rows. */
export function requireFences(fences: readonly LeaseFence[], rows: readonly DriverRow[]): void {
  const missing = missingFence(fences, rows)
  if (missing) throw fenced(missing)
}
