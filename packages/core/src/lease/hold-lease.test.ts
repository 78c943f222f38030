import { describe, expect, test } from 'vitest'
import { memoryStorage } from '../memory/memory-storage.js'
import { DeviceHubError } from '../model/errors.js'
import type { LeaseStore } from '../ports/leases.js'
import { silentLogger } from '../ports/logger.js'
import { type HoldLeaseOptions, holdLease, nextLook } from './hold-lease.js'

const until = async (condition: () => boolean | Promise<boolean>) => {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 2))
}
const store = () => memoryStorage().open({ types: [] }).leases
const hold = (leases: LeaseStore, options: Partial<HoldLeaseOptions> = {}) =>
  holdLease({ leases, name: 'job', holder: 'a', ttl: '1m', logger: silentLogger, ...options })
const must = <T>(value: T | null): T => {
  if (value === null) throw new Error('nothing was claimed')
  return value
}

describe('a held lease', () => {
  test('is renewed for as long as it is held, past its time to live', async () => {
    const leases = store()
    let renewals = 0
    const lease = must(await hold(leases, { ttl: '300ms', onRenewed: () => renewals++ }))
    const [before] = await leases.find(['job'])
    await until(() => renewals >= 5)
    expect(lease.valid).toBe(true)
    expect(await leases.find(['job'])).toMatchObject([{ holder: 'a', epoch: before?.epoch }])
    await lease.release()
    expect(await leases.find(['job'])).toMatchObject([{ holder: null, expiresIn: 0 }])
    expect(lease.valid).toBe(false)
    expect(lease.lost.aborted).toBe(false)
  })

  test('only one holder at a time', async () => {
    const leases = store()
    const first = must(await hold(leases))
    expect(await hold(leases, { holder: 'b' })).toBeNull()
    await first.release()
    const second = must(await hold(leases, { holder: 'b' }))
    expect(second.fence.epoch).toBeGreaterThan(first.fence.epoch)
    await second.release()
  })

  test('is lost when another one has claimed it', async () => {
    const leases = store()
    const lease = must(await hold(leases, { ttl: '300ms' }))
    // The same holder may claim at any time: as another process may once the lease has expired.
    await leases.acquire('job', 'a', 60_000)
    await until(() => lease.lost.aborted)
    expect(lease.valid).toBe(false)
    expect(await lease.note('x')).toBe(false)
    await lease.release()
    expect(await leases.find(['job']), 'what is lost is not given back').toMatchObject([{ holder: 'a' }])
  })

  test('is lost at once when the database says that its epoch is another, long before it would expire', async () => {
    const leases = store()
    const lease = must(await hold(leases, { ttl: '10m' }))
    await leases.acquire('job', 'a', 600_000)
    expect(await lease.note('x')).toBe(false)
    expect(lease.lost.aborted).toBe(true)
    expect((await leases.find(['job']))[0]?.note).toBeNull()
  })

  test('is lost when it cannot be renewed in time, and its renewals had been tried again', async () => {
    const leases = store()
    let asked = 0
    const away: LeaseStore = {
      ...leases,
      renew: () => {
        asked++
        return Promise.reject(new DeviceHubError('storage_unavailable', 'the database is away'))
      },
    }
    const lease = must(await hold(away, { ttl: '300ms' }))
    await until(() => lease.lost.aborted)
    expect(asked).toBeGreaterThanOrEqual(1)
  })

  test('is lost in time when the database does not answer at all', async () => {
    const silent: LeaseStore = { ...store(), renew: () => new Promise(() => {}) }
    const lease = must(await hold(silent, { ttl: '200ms' }))
    await until(() => lease.lost.aborted)
    expect(lease.valid).toBe(false)
  })

  test('is not valid any more the moment its time is over, before any timer ran', async () => {
    const silent: LeaseStore = { ...store(), renew: () => new Promise(() => {}) }
    const lease = must(await hold(silent, { ttl: '100ms' }))
    const frozenUntil = performance.now() + 150
    while (performance.now() < frozenUntil);
    expect(lease.valid).toBe(false)
    expect(lease.lost.aborted, 'no timer had its turn').toBe(false)
    await until(() => lease.lost.aborted)
  })

  test('its note is for the next holder', async () => {
    const leases = store()
    const lease = must(await hold(leases))
    expect(await lease.note('something is left')).toBe(true)
    await lease.release()
    expect(await leases.find(['job'])).toMatchObject([{ note: 'something is left', holder: null }])
  })

  test('abandoned it stays held until it expires by itself', async () => {
    const leases = store()
    const lease = must(await hold(leases, { ttl: '200ms' }))
    lease.abandon()
    await lease.release()
    expect((await leases.find(['job']))[0]?.note).toBeNull()
    await until(async () => (await leases.find(['job']))[0]?.holder === null)
    expect(must(await hold(leases, { holder: 'b' })).fence.epoch).toBe(2)
  })
})

test('whoever waits looks again soon after the first expiry, and often enough to see one given back', () => {
  const state = (expiresIn: number) => ({ name: 'x', epoch: 1, holder: 'a', expiresIn, note: null })
  for (let n = 0; n < 50; n++) {
    expect(nextLook([state(9_000), state(300)], 10_000)).toBeGreaterThan(300)
    expect(nextLook([state(9_000), state(300)], 10_000)).toBeLessThanOrEqual(820)
    expect(nextLook([state(9_000)], 10_000)).toBeLessThanOrEqual(3_020)
    expect(nextLook([], 10_000)).toBeLessThanOrEqual(3_020)
  }
})
