import { DeviceHubError, type LeaseStore } from '@devicehub/core'

/**
 * A database that does not answer is as good as away: after the time to live of a lease an answer is of no use. What is
 * claimed too late is held by the same holder, who claims it again.
 */
export function boundedLeases(leases: LeaseStore, timeout: number): LeaseStore {
  async function bounded<Result>(call: Promise<Result>): Promise<Result> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () =>
          reject(
            new DeviceHubError('storage_unavailable', `the database did not answer within ${timeout} ms`),
          ),
        timeout,
      )
    })
    try {
      return await Promise.race([call, late])
    } finally {
      clearTimeout(timer)
    }
  }
  return {
    find: (names) => bounded(leases.find(names)),
    claim: (name, holder, ttl) => bounded(leases.claim(name, holder, ttl)),
    renew: (lease, ttl, note) => bounded(leases.renew(lease, ttl, note)),
    release: (lease) => bounded(leases.release(lease)),
  }
}
