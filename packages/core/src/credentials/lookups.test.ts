import { describe, expect, it } from 'vitest'
import { DeviceHubError, type Metrics, memoryStorage } from '../index.js'
import { noMetrics } from '../ports/metrics.js'
import type { FoundCredential } from '../storage.js'
import { createChangeWatch } from './change-watch.js'
import { createCredentialCounts } from './credential-counts.js'
import { createCredentialDirectory } from './credential-directory.js'
import {
  clock,
  hubOn,
  issue,
  issueAll,
  login,
  until,
  usernameOf,
  withCredentials,
} from './testing/credential-world.js'

const never = () => new Promise<never>(() => {})
const away = () => Promise.reject(new DeviceHubError('storage_unavailable', 'away'))

describe('many at once', () => {
  it('ten thousand devices: each is looked up once, in few queries, and not again', async () => {
    const hub = hubOn()
    const ids = Array.from({ length: 10_000 }, (_, index) => `L${index}`)
    await issueAll(hub, ids)
    const all = async () => Promise.all(ids.map((id) => login(hub, id)))
    expect(await all()).toEqual(ids)
    const cold = hub.credentials.stats()
    expect(cold.lookups).toBe(10_000)
    expect(cold.queries).toBeLessThanOrEqual(40)
    expect(cold.checks).toBeLessThan(200)
    expect(cold.cached).toBe(10_000)
    expect(await all()).toEqual(ids)
    const warm = hub.credentials.stats()
    expect(warm.lookups).toBe(10_000)
    expect(warm.hits).toBe(10_000)
  })

  it('one device a thousand times is one lookup; so is nobody', async () => {
    const hub = hubOn()
    await issue(hub, 'L1')
    await Promise.all(Array.from({ length: 1000 }, () => login(hub, 'L1')))
    expect(hub.credentials.stats().lookups).toBe(1)
    await Promise.all(Array.from({ length: 1000 }, () => login(hub, 'nobody')))
    await login(hub, 'nobody')
    expect(hub.credentials.stats().lookups).toBe(2)
  })

  it('looks at what changed are shared', async () => {
    const hub = hubOn()
    await issue(hub, 'L1')
    for (let index = 0; index < 20; index++)
      await Promise.all(Array.from({ length: 50 }, () => login(hub, 'L1')))
    expect(hub.credentials.stats().checks).toBe(20)
  })

  it('and spaced under load', async () => {
    const begun: number[] = []
    const watch = createChangeWatch({
      changes: async () => ({ position: 0, devices: [] }),
      onChanges() {},
      onPoll: () => void begun.push(performance.now()),
      monotonic: () => performance.now(),
      timeoutMs: 60_000,
    })
    for (let index = 0; index < 20; index++) await watch.poll()
    watch.close()
    const gaps = begun.slice(1).map((time, index) => time - (begun[index] as number))
    // 5 ms, less what a timer may be early.
    expect(Math.min(...gaps)).toBeGreaterThan(3)
  })

  it('more than may wait are refused', async () => {
    const storage = withCredentials(() => ({ changes: never }))
    const hub = hubOn(storage, { maxQueued: 10 })
    const waiting = Array.from({ length: 10 }, () => login(hub, 'L1'))
    await expect(login(hub, 'L1')).rejects.toMatchObject({ code: 'queue_full' })
    const ended = Promise.allSettled(waiting)
    await hub.close()
    expect((await ended).every((one) => one.status === 'rejected' && one.reason.code === 'closed')).toBe(true)
  })
})

describe('what is remembered', () => {
  function directory(options: { max?: number; maxAge?: number } = {}) {
    const time = { now: 0 }
    const asked: string[] = []
    const counts = createCredentialCounts(noMetrics)
    const one = createCredentialDirectory({
      store: {
        async find(_, lookups) {
          asked.push(...lookups)
          return lookups.map((lookup) => found(lookup))
        },
        changes: async () => ({ position: 0, devices: [] }),
        ofDevices: never,
        write: never,
      },
      clock,
      counts,
      max: options.max ?? 3,
      maxAge: options.maxAge ?? 1000,
      maxQueued: 100,
      monotonic: () => time.now,
    })
    return { time, asked, find: (name: string) => one.find('password', name), size: () => one.size }
  }
  const found = (lookup: string): FoundCredential => ({
    id: lookup,
    kind: 'password',
    lookup,
    hash: '',
    createdAt: 0,
    expiresAt: null,
    typeKey: 'lock',
    deviceId: lookup,
    isActive: true,
  })

  it('is bounded, and what was not asked for longest goes first', async () => {
    const { find, asked, size, time } = directory()
    for (const name of ['a', 'b', 'c', 'a', 'd']) {
      await find(name)
      time.now += 5
    }
    expect(size()).toBe(3)
    asked.length = 0
    for (const name of ['a', 'c', 'd']) {
      await find(name)
      time.now += 5
    }
    expect(asked).toEqual([])
    await find('b')
    expect(asked).toEqual(['b'])
  })

  it('is asked for again when it is old', async () => {
    const { find, asked, time } = directory()
    await find('a')
    time.now += 999
    await find('a')
    expect(asked).toEqual(['a'])
    time.now += 1
    await find('a')
    expect(asked).toEqual(['a', 'a'])
  })
})

describe('a database that is away', () => {
  it('means no answer, from the cache neither; it goes on when it is back', async () => {
    const state = { isAway: false }
    const storage = withCredentials((store) => ({
      changes: (position, limit) => (state.isAway ? away() : store.changes(position, limit)),
    }))
    const hub = hubOn(storage)
    await issue(hub, 'L1')
    expect(await login(hub, 'L1')).toBe('L1')
    state.isAway = true
    await expect(login(hub, 'L1')).rejects.toMatchObject({ code: 'storage_unavailable' })
    await expect(hub.credentials.find(usernameOf('L1'))).rejects.toMatchObject({
      code: 'storage_unavailable',
    })
    state.isAway = false
    expect(await login(hub, 'L1')).toBe('L1')
    expect(hub.credentials.stats().lookups).toBe(1)
  })

  it('fails those that share the query, and remembers nothing of it', async () => {
    const state = { isAway: true }
    const storage = withCredentials((store) => ({
      find: (kind, lookups) => (state.isAway ? away() : store.find(kind, lookups)),
    }))
    const hub = hubOn(storage)
    await issue(hub, 'L1')
    const all = await Promise.allSettled(['L1', 'L1', 'L2'].map((id) => login(hub, id)))
    expect(all.map((one) => one.status)).toEqual(['rejected', 'rejected', 'rejected'])
    state.isAway = false
    expect(await login(hub, 'L1')).toBe('L1')
  })

  it.each(['changes', 'find'] as const)(
    "that hangs in %s counts as away, and what it says late is nobody's",
    async (call) => {
      let isHanging = true
      const late: (() => void)[] = []
      const answer = async <T>(name: string, value: T): Promise<T> => {
        if (isHanging && name === call) await new Promise<void>((resolve) => late.push(resolve))
        return value
      }
      const directory = createCredentialDirectory({
        store: {
          find: () => answer('find', []),
          changes: () => answer('changes', { position: 1, devices: [] }),
          ofDevices: never,
          write: never,
        },
        clock,
        counts: createCredentialCounts(noMetrics),
        max: 10,
        maxAge: 1000,
        maxQueued: 10,
        timeoutMs: 20,
      })
      await expect(directory.find('password', 'a')).rejects.toMatchObject({ code: 'storage_unavailable' })
      isHanging = false
      expect(await directory.find('password', 'a')).toEqual([])
      for (const go of late) go()
      expect(await directory.find('password', 'a')).toEqual([])
      directory.close()
    },
  )
})

describe('closing', () => {
  it.each([
    ['a look', { changes: never }],
    ['a lookup', { find: never }],
  ])('ends what waits for %s', async (_, stuck) => {
    let asked = false
    const storage = withCredentials((store) => ({
      ...store,
      ...Object.fromEntries(
        Object.keys(stuck).map((name) => [
          name,
          () => {
            asked = true
            return never()
          },
        ]),
      ),
    }))
    const hub = hubOn(storage)
    const waiting = Promise.allSettled([
      login(hub, 'L1'),
      login(hub, 'L2'),
      hub.credentials.verifyApiKey('key'),
    ])
    await until(() => asked)
    await hub.close()
    const codes = (await waiting).map((one) => one.status === 'rejected' && one.reason.code)
    expect(codes).toEqual(['closed', 'closed', 'closed'])
    await expect(login(hub, 'L1')).rejects.toMatchObject({ code: 'closed' })
  })
})

describe('metrics', () => {
  it('count what stats() counts', async () => {
    const totals = new Map<string, number>()
    const metrics: Metrics = {
      ...noMetrics,
      count: (name, by = 1) => void totals.set(name, (totals.get(name) ?? 0) + by),
    }
    const hub = hubOn(memoryStorage(), {}, { metrics })
    await issue(hub, 'L1', { hash: await hub.credentials.hashes.slow('correct horse') })
    await login(hub, 'L1', 'correct horse')
    await login(hub, 'L1', 'correct horse')
    const { lookups, queries, checks, hits, slowHashes } = hub.credentials.stats()
    expect([lookups, queries, checks, hits, slowHashes]).toEqual([1, 1, 2, 1, 2])
    const named = (name: string) => totals.get(`devicehub_credentials_${name}_total`)
    expect(['lookups', 'queries', 'checks', 'hits', 'slow_hashes'].map(named)).toEqual([1, 1, 2, 1, 2])
  })
})
