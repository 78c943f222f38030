import { DeviceHubError } from '@devicehub/core'
import type { LeaseStore } from '@devicehub/core/storage'
import { withTimeout } from '@devicehub-internal/async'

/**
 * The same leases; a call rejects with `storage_unavailable` when the database has not answered within `timeout`
 * milliseconds, the duration of a lease. A claim that succeeds later belongs to this holder, who can claim it again.
 */
export function leasesWithTimeout(leases: LeaseStore, timeout: number): LeaseStore {
  const limit = <Result>(call: Promise<Result>) =>
    withTimeout(timeout, call, () => {
      throw new DeviceHubError('storage_unavailable', `the database did not answer within ${timeout} ms`)
    })
  return {
    find: (names) => limit(leases.find(names)),
    acquire: (name, holder, ttl) => limit(leases.acquire(name, holder, ttl)),
    renew: (lease, ttl, note) => limit(leases.renew(lease, ttl, note)),
    release: (lease) => limit(leases.release(lease)),
  }
}
