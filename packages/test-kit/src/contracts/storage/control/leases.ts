import type { Storage } from '@devicehub/core'
import type { Lease, LeaseState } from '@devicehub/core/storage'
import { describe, expect, test } from 'vitest'
import { waitUntil } from '../../../services/wait-until.js'
import { newId } from '../fixtures.js'
import { freshStorage, type StorageContract, sharedStorage } from '../harness.js'

/** So long that nothing expires while a slow machine runs a test. */
const LONG = 600_000
const SHORT = 300

export function leaseContract(contract: StorageContract): void {
  describe('leases', () => {
    const shared = sharedStorage(contract)

    const stateOf = async (storage: Storage, name: string): Promise<LeaseState> => {
      const [state] = await storage.leases.find([name])
      if (!state) throw new Error(`${name} is not there`)
      return state
    }
    const acquire = async (
      storage: Storage,
      name: string,
      holder = newId('holder'),
      ttl = LONG,
    ): Promise<Lease> => {
      const lease = await storage.leases.acquire(name, holder, ttl)
      if (!lease) throw new Error(`${name} is held by another`)
      return lease
    }
    const acquireWhenFree = (storage: Storage, name: string, holder: string, ttl = LONG): Promise<Lease> =>
      waitUntil(`${name} to be free`, () => storage.leases.acquire(name, holder, ttl))
    const expired = (storage: Storage, name: string) =>
      waitUntil(`${name} to expire`, async () => (await stateOf(storage, name)).holder === null)

    test('a name that was never acquired is unknown, and looking for it changes nothing', async () => {
      const { storage, other } = shared
      const name = newId('lease')
      expect(await storage.leases.find([name])).toEqual([])
      expect(await storage.leases.find([])).toEqual([])
      expect(await other.leases.find([name])).toEqual([])
    })

    test('whoever acquires it holds it, and every process sees so', async () => {
      const { storage, other } = shared
      const names = [newId('lease'), newId('lease'), newId('lease')] as const
      const lease = await acquire(storage, names[0], 'me')
      expect(lease).toEqual({ name: names[0], holder: 'me', epoch: expect.any(Number) })
      expect(lease.epoch).toBeGreaterThan(0)
      await acquire(storage, names[1], 'you')
      for (const each of [storage, other]) {
        const found = await each.leases.find(names)
        expect(found).toHaveLength(2)
        const state = await stateOf(each, names[0])
        expect(state).toEqual({
          name: names[0],
          epoch: lease.epoch,
          holder: 'me',
          expiresIn: expect.any(Number),
          note: null,
        })
        expect(state.expiresIn).toBeGreaterThan(0)
        expect(state.expiresIn).toBeLessThanOrEqual(LONG)
        expect((await stateOf(each, names[1])).holder).toBe('you')
      }
    })

    test('while it is held nobody else gets it, and it does not change', async () => {
      const { storage, other } = shared
      const lease = await acquire(storage, newId('lease'), 'me')
      for (const each of [storage, other])
        expect(await each.leases.acquire(lease.name, 'another', LONG)).toBeNull()
      expect(await stateOf(other, lease.name)).toMatchObject({ holder: 'me', epoch: lease.epoch })
      expect(await other.leases.renew(lease, LONG)).toBe(true)
    })

    test('its holder can acquire it again, with a new epoch; the former lease is then invalid', async () => {
      const { storage, other } = shared
      const first = await acquire(storage, newId('lease'), 'me')
      const second = await acquire(other, first.name, 'me')
      expect(second.epoch).toBeGreaterThan(first.epoch)
      expect(await storage.leases.renew(first, LONG)).toBe(false)
      expect(await storage.leases.release(first)).toBe(false)
      expect(await stateOf(storage, first.name)).toMatchObject({ holder: 'me', epoch: second.epoch })
      expect(await storage.leases.renew(second, LONG)).toBe(true)
    })

    test('released, it is free at once and keeps its epoch', async () => {
      const { storage, other } = shared
      const lease = await acquire(storage, newId('lease'))
      expect(await storage.leases.release(lease)).toBe(true)
      expect(await stateOf(other, lease.name)).toEqual({
        name: lease.name,
        epoch: lease.epoch,
        holder: null,
        expiresIn: 0,
        note: null,
      })
      expect(await storage.leases.release(lease), 'a second time').toBe(false)
      expect(await storage.leases.renew(lease, LONG), 'a renewal that comes late').toBe(false)
      expect((await stateOf(other, lease.name)).holder).toBeNull()
      const next = await acquire(other, lease.name, 'another')
      expect(next.epoch).toBeGreaterThan(lease.epoch)
    })

    test('once it expires another holder gets it; the former one can neither renew nor release it', async () => {
      const { storage, other } = shared
      const lease = await acquire(storage, newId('lease'), 'me', SHORT)
      const next = await acquireWhenFree(other, lease.name, 'another')
      expect(next.epoch).toBeGreaterThan(lease.epoch)
      expect(await storage.leases.renew(lease, LONG)).toBe(false)
      expect(await storage.leases.release(lease)).toBe(false)
      expect(await storage.leases.acquire(lease.name, 'me', LONG)).toBeNull()
      expect(await stateOf(storage, lease.name)).toMatchObject({ holder: 'another', epoch: next.epoch })
    })

    test('a renewal sets a new time to live', async () => {
      const { storage, other } = shared
      const lease = await acquire(storage, newId('lease'), 'me', 60_000)
      expect(await storage.leases.renew(lease, LONG)).toBe(true)
      expect((await stateOf(other, lease.name)).expiresIn).toBeGreaterThan(60_000)
      expect(await storage.leases.renew(lease, SHORT)).toBe(true)
      expect((await stateOf(other, lease.name)).expiresIn).toBeLessThanOrEqual(SHORT)
      await acquireWhenFree(other, lease.name, 'another')
      expect(await storage.leases.renew(lease, LONG)).toBe(false)
    })

    test('an expired lease can be renewed until somebody else acquires it', async () => {
      const { storage, other } = shared
      const lease = await acquire(storage, newId('lease'), 'me', SHORT)
      await expired(other, lease.name)
      expect(await stateOf(other, lease.name)).toMatchObject({ expiresIn: 0, epoch: lease.epoch })
      expect(await storage.leases.renew(lease, LONG)).toBe(true)
      expect(await stateOf(other, lease.name)).toMatchObject({ holder: 'me', epoch: lease.epoch })
      expect(await other.leases.acquire(lease.name, 'another', LONG)).toBeNull()
    })

    test('consecutive renewals all succeed', async () => {
      const { storage } = shared
      const lease = await acquire(storage, newId('lease'))
      const renewals = await Promise.all(Array.from({ length: 20 }, () => storage.leases.renew(lease, LONG)))
      expect(renewals).toEqual(Array(20).fill(true))
    })

    test('the note survives renewal, expiry, release and a new holder', async () => {
      const { storage, other } = shared
      const note = `{"session":"${'ü😀'.repeat(200)}"}`
      const lease = await acquire(storage, newId('lease'), 'me', SHORT)
      expect(await storage.leases.renew(lease, SHORT, note)).toBe(true)
      expect(await storage.leases.renew(lease, SHORT)).toBe(true)
      expect((await stateOf(other, lease.name)).note).toBe(note)
      await expired(other, lease.name)
      expect((await stateOf(other, lease.name)).note).toBe(note)
      const next = await acquireWhenFree(other, lease.name, 'another')
      expect((await stateOf(storage, lease.name)).note).toBe(note)
      expect(await storage.leases.renew(lease, LONG, 'of the former holder')).toBe(false)
      await other.leases.release(next)
      expect((await stateOf(storage, lease.name)).note).toBe(note)
      const last = await acquire(storage, lease.name)
      expect(await storage.leases.renew(last, LONG, null)).toBe(true)
      expect((await stateOf(other, lease.name)).note).toBeNull()
    })

    test('of twenty that acquire a lease at once, one gets it', async () => {
      const { storage, other } = shared
      const name = newId('lease')
      const epochs: number[] = []
      for (let round = 0; round < 5; round++) {
        const acquired = await Promise.all(
          Array.from({ length: 20 }, (_, index) =>
            (index % 2 ? storage : other).leases.acquire(name, `holder ${round}.${index}`, LONG),
          ),
        )
        const [lease, ...others] = acquired.filter((one) => one !== null)
        expect(others).toEqual([])
        if (!lease) throw new Error('nobody got it')
        expect(await stateOf(storage, name)).toMatchObject({ holder: lease.holder, epoch: lease.epoch })
        epochs.push(lease.epoch)
        expect(await storage.leases.release(lease)).toBe(true)
      }
      expect(epochs).toEqual([...new Set(epochs)].sort((a, b) => a - b))
    })

    test('the epoch outlives the process: a newly opened storage continues the count', async () => {
      await using opened = await freshStorage(contract)
      const lease = await acquire(opened.storage, 'slot')
      await opened.storage.leases.release(lease)
      const second = await opened.second()
      expect((await acquire(second, 'slot', 'another')).epoch).toBeGreaterThan(lease.epoch)
    })

    test('names differ by case, accent and trailing space; any text can be one', async () => {
      const { storage, other } = shared
      const base = newId('Lease')
      const names = [
        base,
        base.toLowerCase(),
        `${base} `,
        `${base}é`,
        `${base}e`,
        `${base}'"\\%_`,
        `${base}${'x'.repeat(255 - base.length)}`,
      ]
      for (const [index, name] of names.entries()) await acquire(storage, name, `holder ${index}`)
      const found = await other.leases.find(names)
      expect(new Map(found.map(({ name, holder }) => [name, holder]))).toEqual(
        new Map(names.map((name, index) => [name, `holder ${index}`])),
      )
    })
  })
}
