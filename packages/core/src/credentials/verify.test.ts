import { describe, expect, it } from 'vitest'
import { createDeviceHub, memoryStorage, silentLogger } from '../index.js'
import type { FoundCredential, NewCredential } from '../storage.js'
import { randomIds } from '../transport.js'
import { createKeyedHashes } from './secret-hashes.js'
import {
  clock,
  Gate,
  hubOn,
  issue,
  Lock,
  login,
  passwordOf,
  SECRET,
  usernameOf,
} from './testing/credential-world.js'
import { createVerifier } from './verify.js'

const ANOTHER = 'another-secret-of-these-tests-01'

async function apiKeyOf(hub: ReturnType<typeof hubOn>, key: string): Promise<Partial<NewCredential>> {
  const [lookup = ''] = hub.credentials.hashes.lookups('api_key', key)
  return { kind: 'api_key', lookup, hash: hub.credentials.hashes.keyed(lookup, key) }
}

describe('a user name and a password', () => {
  it('are of a device', async () => {
    const hub = hubOn()
    await issue(hub, 'L1')
    const login = { username: usernameOf('L1'), password: passwordOf('L1') }
    const principal = { type: Lock, deviceId: 'L1', username: 'lock-L1', expiresAt: null }
    expect(await hub.credentials.verify(login)).toEqual(principal)
    expect(await hub.credentials.find(login.username)).toEqual(principal)
  })

  it('that are wrong, of nobody, or of a deactivated device, are of none', async () => {
    const hub = hubOn()
    await issue(hub, 'L1')
    await issue(hub, 'L2')
    expect(await login(hub, 'L1', passwordOf('L2'))).toBeNull()
    expect(await login(hub, 'L3')).toBeNull()
    await hub.devices.deactivate(Lock, 'L2')
    expect(await login(hub, 'L2')).toBeNull()
  })

  it('may be several at a time; the one that ends last says when the name does', async () => {
    const hub = hubOn()
    const end = clock.now() + 60_000
    await issue(hub, 'L1')
    const hash = hub.credentials.hashes.keyed(usernameOf('L1'), 'new')
    await issue(hub, 'L1', { hash, retireAt: end })
    const verify = (password: string) => hub.credentials.verify({ username: usernameOf('L1'), password })
    expect((await verify(passwordOf('L1')))?.expiresAt).toEqual(new Date(end))
    expect((await verify('new'))?.expiresAt).toBeNull()
    expect((await hub.credentials.find(usernameOf('L1')))?.expiresAt).toBeNull()
    clock.time = end
    expect(await verify(passwordOf('L1'))).toBeNull()
    expect(await verify('new')).not.toBeNull()
  })

  it.each(['lock-L1\0', 'LOCK-L1', 'lock-L1 ', 'lock-\ud800', 'x'.repeat(256), ''])(
    'the name %j is nobody, and has cost no lookup more than it must',
    async (username) => {
      const hub = hubOn()
      await issue(hub, 'L1')
      expect(await hub.credentials.verify({ username, password: passwordOf('L1') })).toBeNull()
      expect(await hub.credentials.find(username)).toBeNull()
      const isPlain = /^[\x20-\x7e]{1,255}$/.test(username)
      expect(hub.credentials.stats().lookups).toBe(isPlain ? 1 : 0)
    },
  )

  it.each(['', 'x'.repeat(1025), 'a\0', '\ud800', 7 as never, undefined as never])(
    'the password %j is refused without work',
    async (password) => {
      const hub = hubOn()
      expect(await hub.credentials.verify({ username: 'lock-L1', password })).toBeNull()
      expect(await hub.credentials.verifyApiKey(password)).toBeNull()
      expect(hub.credentials.stats()).toMatchObject({ lookups: 0, checks: 0 })
    },
  )

  it('of several devices are none', async () => {
    const hub = hubOn()
    const store = createKeyedHashes(SECRET)
    const of = (deviceId: string, typeKey: string): FoundCredential => ({
      id: randomIds.next(),
      kind: 'password',
      lookup: 'shared',
      hash: store.keyed('shared', 'x'),
      createdAt: 0,
      expiresAt: null,
      typeKey,
      deviceId,
      isActive: true,
    })
    const verifierOf = (found: FoundCredential[]) =>
      createVerifier({
        directory: { find: async () => found },
        hashes: store,
        matchesSlow: async () => false,
        types: hub.types,
      })
    const name = { username: 'shared', password: 'x' }
    const pairs = [
      [of('D1', Lock.key), of('D2', Lock.key)],
      [of('D1', Lock.key), of('D1', Gate.key)],
      [of('D1', 'a_type_of_another_release')],
    ]
    for (const found of pairs) {
      expect(await verifierOf(found).find('shared')).toBeNull()
      expect(await verifierOf(found).verify(name)).toBeNull()
    }
    expect(await verifierOf([of('D1', Lock.key)]).verify(name)).toMatchObject({ deviceId: 'D1' })
  })

  it('cost one HMAC more than the lookups, whether there is such a name or not', async () => {
    const keyed = createKeyedHashes(SECRET)
    const found: FoundCredential[] = []
    let compared = 0
    const matches = (...texts: Parameters<typeof keyed.matches>) => {
      compared++
      return keyed.matches(...texts)
    }
    const { verify, verifyApiKey } = createVerifier({
      directory: { find: async () => found },
      hashes: { ...keyed, matches },
      matchesSlow: async () => false,
      types: [Lock],
    })
    const cost = async (call: () => Promise<unknown>) => {
      compared = 0
      await call()
      return compared
    }
    const asked = () => verify({ username: 'lock-L1', password: 'x' })
    expect(await cost(asked)).toBe(1)
    expect(await cost(() => verifyApiKey('x'))).toBe(1)
    found.push({
      id: 'c1',
      kind: 'password',
      lookup: 'lock-L1',
      hash: keyed.keyed('lock-L1', 'y'),
      createdAt: 0,
      expiresAt: null,
      typeKey: Lock.key,
      deviceId: 'L1',
      isActive: true,
    })
    expect(await cost(asked)).toBe(1)
    expect(await cost(() => verifyApiKey('x'))).toBe(1)
  })
})

describe('an API key', () => {
  it('is of a device, by its keyed hash alone', async () => {
    const hub = hubOn()
    await issue(hub, 'L1', await apiKeyOf(hub, 'f00d'))
    expect(await hub.credentials.verifyApiKey('f00d')).toMatchObject({ deviceId: 'L1', username: null })
    expect(await hub.credentials.verifyApiKey('f00e')).toBeNull()
    // Neither is good for the other purpose.
    const [lookup = ''] = hub.credentials.hashes.lookups('api_key', 'f00d')
    expect(await hub.credentials.verify({ username: lookup, password: 'f00d' })).toBeNull()
    expect(await hub.credentials.find(lookup)).toBeNull()
  })
})

describe('the secret is replaced', () => {
  it('by a list with the new one first: what was issued stays good until the old one goes', async () => {
    const storage = memoryStorage()
    const before = hubOn(storage)
    await issue(before, 'L1')
    await issue(before, 'L2', await apiKeyOf(before, 'f00d'))
    const during = hubOn(storage, { secret: [ANOTHER, SECRET] })
    expect(await login(during, 'L1')).toBe('L1')
    expect(await during.credentials.verifyApiKey('f00d')).toMatchObject({ deviceId: 'L2' })
    await issue(during, 'L3')
    const after = hubOn(storage, { secret: ANOTHER })
    expect(await login(after, 'L3')).toBe('L3')
    expect(await login(after, 'L1')).toBeNull()
    expect(await after.credentials.verifyApiKey('f00d')).toBeNull()
  })
})

describe('a password that a person chose', () => {
  it('is hashed once for a storm of logins, right or wrong, and anew when it is another', async () => {
    const hub = hubOn()
    await issue(hub, 'L1', { hash: await hub.credentials.hashes.slow('correct horse') })
    const { slowHashes } = hub.credentials.stats()
    const storm = await Promise.all(Array.from({ length: 200 }, () => login(hub, 'L1', 'correct horse')))
    expect(new Set(storm)).toEqual(new Set(['L1']))
    expect(await login(hub, 'L1', 'correct horse')).toBe('L1')
    expect(hub.credentials.stats().slowHashes).toBe(slowHashes + 1)
    for (let index = 0; index < 5; index++) expect(await login(hub, 'L1', 'wrong horse')).toBeNull()
    expect(hub.credentials.stats().slowHashes).toBe(slowHashes + 2)
    await issue(hub, 'L1', { hash: await hub.credentials.hashes.slow('new horse'), retireAt: clock.now() })
    expect(await login(hub, 'L1', 'correct horse')).toBeNull()
    expect(await login(hub, 'L1', 'new horse')).toBe('L1')
  })

  it('is refused with queue_full when too many are compared at once', async () => {
    const hub = hubOn(undefined, { hashConcurrency: 1, maxQueuedHashes: 1 })
    await issue(hub, 'L1', { hash: await hub.credentials.hashes.slow('correct horse') })
    const all = await Promise.allSettled(['a', 'b', 'c', 'd'].map((one) => login(hub, 'L1', one)))
    const codes = all.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []))
    expect(codes).toEqual(['queue_full', 'queue_full'])
  })
})

describe('a hub without a secret', () => {
  it('works, and says what is missing when it is asked who somebody is', async () => {
    const hub = createDeviceHub({ types: [Lock], logger: silentLogger })
    await hub.devices.create(Lock, { deviceId: 'L1' })
    const { credentials } = hub
    const calls = [
      () => credentials.verify({ username: 'a', password: 'b' }),
      () => credentials.verifyApiKey('a'),
      () => credentials.find('a'),
      () => credentials.hashes.slow('a'),
      async () => credentials.hashes.keyed('a', 'b'),
      async () => credentials.hashes.lookups('api_key', 'b'),
    ]
    for (const call of calls)
      await expect(call()).rejects.toMatchObject({
        code: 'invalid_options',
        message: expect.stringContaining('credentials: { secret }'),
      })
    await hub.close()
  })
})
