import type { Lease, LeaseFence, LeaseState, LeaseStore } from '../ports/leases.js'
import { fenced } from '../rules/storage-errors.js'

interface LeaseRow {
  holder: string | null
  epoch: number
  expiresAt: number
  note: string | null
}

/** All leases of one `memoryStorage()`. Its database's clock is the process's monotonic one. */
export class MemoryLeases {
  readonly #rows = new Map<string, LeaseRow>()

  find(names: readonly string[]): readonly LeaseState[] {
    const now = performance.now()
    return names.flatMap((name) => {
      const row = this.#rows.get(name)
      if (!row) return []
      const held = isHeld(row, now)
      const { epoch, note } = row
      return {
        name,
        epoch,
        holder: held ? row.holder : null,
        expiresIn: held ? row.expiresAt - now : 0,
        note,
      }
    })
  }

  acquire(name: string, holder: string, ttl: number): Lease | null {
    const now = performance.now()
    const row = this.#rows.get(name) ?? { holder: null, epoch: 0, expiresAt: 0, note: null }
    if (isHeld(row, now) && row.holder !== holder) return null
    Object.assign(row, { holder, epoch: row.epoch + 1, expiresAt: now + ttl })
    this.#rows.set(name, row)
    return { name, holder, epoch: row.epoch }
  }

  renew({ name, epoch }: LeaseFence, ttl: number, note?: string | null): boolean {
    const row = this.#rows.get(name)
    if (row?.epoch !== epoch || row.holder === null) return false
    row.expiresAt = performance.now() + ttl
    if (note !== undefined) row.note = note
    return true
  }

  release({ name, epoch }: LeaseFence): boolean {
    const row = this.#rows.get(name)
    if (row?.epoch !== epoch || row.holder === null) return false
    row.holder = null
    return true
  }

  /** `fenced` unless each is the present epoch. */
  check(fences: readonly LeaseFence[]): void {
    for (const { name, epoch } of fences)
      if (this.#rows.get(name)?.epoch !== epoch) throw fenced({ name, epoch })
  }
}

const isHeld = ({ holder, expiresAt }: LeaseRow, now: number) => holder !== null && expiresAt > now

export const leaseStore = (leases: MemoryLeases, run: <T>(work: () => T) => Promise<T>): LeaseStore => ({
  find: (names) => run(() => leases.find(names)),
  acquire: (name, holder, ttl) => run(() => leases.acquire(name, holder, ttl)),
  renew: (lease, ttl, note) => run(() => leases.renew(lease, ttl, note)),
  release: (lease) => run(() => leases.release(lease)),
})
