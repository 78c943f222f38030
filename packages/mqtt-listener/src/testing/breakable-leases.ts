import { DeviceHubError, memoryStorage } from '@devicehub/core'
import type { LeaseStore } from '@devicehub/core/storage'

/** The leases of a database of their own. */
export const createLeases = (): LeaseStore => memoryStorage().open({ types: [] }).leases

export interface BreakableLeases extends LeaseStore {
  /** What the way to the database does from now on. */
  fault: 'none' | 'rejects' | 'hangs'
  /** Calls so far: `find a b`, `claim a`. */
  readonly calls: readonly string[]
}

/** One process's way to leases that others use as well. */
export function breakableLeases(leases: LeaseStore): BreakableLeases {
  const calls: string[] = []
  async function way<Result>(text: string, call: () => Promise<Result>): Promise<Result> {
    calls.push(text)
    if (broken.fault === 'hangs') return new Promise(() => {})
    if (broken.fault === 'rejects') throw new DeviceHubError('storage_unavailable', 'the database is away')
    return call()
  }
  const broken: BreakableLeases = {
    fault: 'none',
    calls,
    find: (names) => way(`find ${names.join(' ')}`, () => leases.find(names)),
    acquire: (name, holder, ttl) => way(`claim ${name}`, () => leases.acquire(name, holder, ttl)),
    renew: (lease, ttl, note) => way(`renew ${lease.name}`, () => leases.renew(lease, ttl, note)),
    release: (lease) => way(`release ${lease.name}`, () => leases.release(lease)),
  }
  return broken
}
