import { describe, expect, it } from 'vitest'
import { memoryStorage } from '../index.js'
import {
  clock,
  hubOn,
  issue,
  issueAll,
  Lock,
  login,
  passwordOf,
  revoke,
  until,
  usernameOf,
  withCredentials,
} from './testing/credential-world.js'

const later = () => new Promise((resolve) => setTimeout(resolve, Math.random() * 3))

/** Two processes on one database that takes its time, before and after it looks. */
function twoHubs() {
  const inner = memoryStorage()
  const slow = withCredentials(
    (store) => ({
      async find(kind, lookups) {
        await later()
        const found = await store.find(kind, lookups)
        await later()
        return found
      },
      async changes(position, limit) {
        await later()
        const changes = await store.changes(position, limit)
        await later()
        return changes
      },
    }),
    inner,
  )
  return { here: hubOn(slow), there: hubOn(inner) }
}

describe('revoked at once, in every process', () => {
  it('a thousand revocations elsewhere, under load: never an answer from before', async () => {
    const { here, there } = twoHubs()
    const ids = Array.from({ length: 20 }, (_, index) => `L${index}`)
    for (const id of ids) await issue(there, id)
    let stop = false
    let yes = 0
    // The load keeps the cache warm, joins queries, and drops them.
    const load = ids.map(async (id) => {
      while (!stop) if ((await login(here, id)) === id) yes++
    })
    const rounds = ids.map(async (id) => {
      for (let round = 0; round < 50; round++) {
        expect(await login(here, id)).toBe(id)
        await revoke(there, id)
        const [verified, found] = await Promise.all([login(here, id), here.credentials.find(usernameOf(id))])
        expect([verified, found]).toEqual([null, null])
        await issue(there, id)
      }
    })
    await Promise.all(rounds)
    stop = true
    await Promise.all(load)
    expect(yes).toBeGreaterThan(0)
  })

  it.each([
    ['revoked', revoke],
    ['deactivated', (hub: ReturnType<typeof hubOn>, id: string) => hub.devices.deactivate(Lock, id)],
    ['deleted', (hub: ReturnType<typeof hubOn>, id: string) => hub.devices.delete(Lock, id)],
  ])('a device that is %s elsewhere', async (_, end) => {
    const inner = memoryStorage()
    const [here, there] = [hubOn(inner), hubOn(inner)]
    await issue(there, 'L1')
    expect(await login(here, 'L1')).toBe('L1')
    await end(there, 'L1')
    expect(await login(here, 'L1')).toBeNull()
    expect(await here.credentials.find(usernameOf('L1'))).toBeNull()
  })

  it('what was unknown is known at once, too', async () => {
    const inner = memoryStorage()
    const [here, there] = [hubOn(inner), hubOn(inner)]
    expect(await login(here, 'L1')).toBeNull()
    await issue(there, 'L1')
    expect(await login(here, 'L1')).toBe('L1')
    await there.devices.deactivate(Lock, 'L1')
    expect(await login(here, 'L1')).toBeNull()
    await there.devices.activate(Lock, 'L1')
    expect(await login(here, 'L1')).toBe('L1')
  })

  it('more changes than are told one by one', async () => {
    const inner = memoryStorage()
    const [here, there] = [hubOn(inner), hubOn(inner)]
    await issue(there, 'L1')
    expect(await login(here, 'L1')).toBe('L1')
    await revoke(there, 'L1')
    await issueAll(
      there,
      Array.from({ length: 1_500 }, (_, index) => `other-${index}`),
    )
    expect(await login(here, 'L1')).toBeNull()
  })

  it('a database that was set back to an earlier state', async () => {
    let inner = memoryStorage()
    const stores = () => inner.open({ types: [Lock] }).credentials
    const storage = withCredentials(() => ({
      find: (kind, lookups) => stores().find(kind, lookups),
      changes: async (position, limit) => {
        const { position: present, devices } = await stores().changes(null, limit)
        return { position: present, devices: position === null ? devices : [] }
      },
    }))
    const here = hubOn(storage)
    const there = hubOn(inner)
    await issue(there, 'L1')
    expect(await login(here, 'L1')).toBe('L1')
    inner = memoryStorage()
    expect(await login(here, 'L1')).toBeNull()
  })
})

describe('an answer that was on its way while its device changed', () => {
  /** The next query reads, and hands its answer over when it is told to. */
  function holding() {
    const inner = memoryStorage()
    const held: (() => void)[] = []
    const state = { hold: false, finds: 0 }
    const storage = withCredentials(
      (store) => ({
        async find(kind, lookups) {
          state.finds++
          const isHeld = state.hold
          const found = await store.find(kind, lookups)
          if (isHeld) await new Promise<void>((resolve) => held.push(resolve))
          return found
        },
      }),
      inner,
    )
    return { here: hubOn(storage), there: hubOn(inner), held, state }
  }

  it('is given to the call that came before the change, and to nobody after it', async () => {
    const { here, there, held, state } = holding()
    await issue(there, 'L1')
    await issue(there, 'L2')
    state.hold = true
    const before = login(here, 'L1')
    await until(() => held.length === 1)
    await revoke(there, 'L1')
    state.hold = false
    // Joins the query that runs: it is asked for this name already.
    const after = login(here, 'L1')
    const checks = here.credentials.stats().checks
    // Its look is done when the next one is.
    const other = here.credentials.find('somebody')
    await until(() => here.credentials.stats().checks > checks)
    for (const go of held) go()
    expect(await before).toBe('L1')
    expect(await after).toBeNull()
    expect(await other).toBeNull()
    // Nor did it get into the cache.
    expect(await login(here, 'L1')).toBeNull()
  })

  it('does not get into the cache when the change was told before it came', async () => {
    const { here, there, held, state } = holding()
    await issue(there, 'L1')
    state.hold = true
    const before = login(here, 'L1')
    await until(() => held.length === 1)
    state.hold = false
    await revoke(there, 'L1')
    // Tells this process of the change: an API key has queries of its own.
    expect(await here.credentials.verifyApiKey('key')).toBeNull()
    for (const go of held) go()
    expect(await before).toBe('L1')
    expect(await login(here, 'L1')).toBeNull()
  })

  it('the same of an unknown name that came to be', async () => {
    const { here, there, held, state } = holding()
    state.hold = true
    const before = login(here, 'L1')
    await until(() => held.length === 1)
    state.hold = false
    await issue(there, 'L1')
    expect(await here.credentials.verifyApiKey('key')).toBeNull()
    for (const go of held) go()
    expect(await before).toBeNull()
    expect(await login(here, 'L1')).toBe('L1')
  })

  it('a change of another device costs it nothing', async () => {
    const { here, there, state } = holding()
    await issue(there, 'L1')
    await issue(there, 'L2')
    await login(here, 'L1')
    await revoke(there, 'L2')
    const { finds } = state
    expect(await login(here, 'L1')).toBe('L1')
    expect(state.finds).toBe(finds)
  })
})

describe('what ends by itself', () => {
  it('is refused from the moment on that it expires, from the cache, too', async () => {
    const here = hubOn()
    await issue(here, 'L1', { expiresAt: clock.now() + 1000 })
    expect(
      (await here.credentials.verify({ username: usernameOf('L1'), password: passwordOf('L1') }))?.expiresAt,
    ).toEqual(new Date(clock.now() + 1000))
    clock.time += 1000
    expect(await login(here, 'L1')).toBeNull()
    expect(await here.credentials.find(usernameOf('L1'))).toBeNull()
  })
})
