import { describe, expect, it } from 'vitest'
import { createDeviceHub } from '../index.js'
import { lengthPrefixed } from './length-prefixed.js'
import { createKeyedHashes } from './secret-hashes.js'
import { createSlowHash } from './slow-hash.js'

const A = 'a-secret-of-the-tests-0123456789'
const B = 'another-secret-of-these-tests-01'
const slowHash = (concurrency = 1, maxQueued = 2) => {
  const counted = { hashes: 0 }
  const slow = createSlowHash({
    concurrency,
    maxQueued,
    onHash: () => counted.hashes++,
    monotonic: () => performance.now(),
  })
  return Object.assign(slow, { counted })
}

describe('a keyed hash', () => {
  it('names the secret that made it, and holds neither that nor the password', () => {
    const hash = createKeyedHashes(A).keyed('lock-1', 'open sesame')
    expect(hash).toMatch(/^h1\$[\w-]{8}\$[\w-]{43}$/)
    expect(createKeyedHashes(A).keyed('lock-1', 'open sesame')).toBe(hash)
    expect(createKeyedHashes(B).keyed('lock-1', 'open sesame').split('$')[1]).not.toBe(hash.split('$')[1])
  })

  it('is good for its own lookup, password and secret alone', () => {
    const hashes = createKeyedHashes(A)
    const hash = hashes.keyed('lock-1', 'open sesame')
    expect(hashes.matches('lock-1', 'open sesame', hash)).toBe(true)
    expect(hashes.matches('lock-2', 'open sesame', hash)).toBe(false)
    expect(hashes.matches('lock-1', 'open sesam', hash)).toBe(false)
    expect(createKeyedHashes(B).matches('lock-1', 'open sesame', hash)).toBe(false)
    // The same bytes in another place of the two texts.
    expect(hashes.matches('lock-1o', 'pen sesame', hash)).toBe(false)
  })

  it('is good with any of the configured secrets; the first makes new ones', () => {
    const old = createKeyedHashes(A).keyed('lock-1', 'x')
    const both = createKeyedHashes([B, A])
    expect(both.matches('lock-1', 'x', old)).toBe(true)
    expect(both.keyed('lock-1', 'x')).toBe(createKeyedHashes(B).keyed('lock-1', 'x'))
    expect(both.lookups('api_key', 'x')).toEqual([
      ...createKeyedHashes(B).lookups('api_key', 'x'),
      ...createKeyedHashes(A).lookups('api_key', 'x'),
    ])
  })

  it.each(['', 'h1', 'h1$$', 'h1$abc$', 'h2', '$'.repeat(600), 's1$15$8$1$AAAA$AAAA', 'x'.repeat(100_000)])(
    'is not %.20s',
    (hash) => {
      expect(createKeyedHashes(A).matches('lock-1', 'x', hash)).toBe(false)
    },
  )

  it('of another version or of an unknown secret is refused, though its bytes are right', () => {
    const hashes = createKeyedHashes(A)
    const hash = hashes.keyed('lock-1', 'x')
    expect(hashes.matches('lock-1', 'x', hash.replace('h1', 'h2'))).toBe(false)
    expect(hashes.matches('lock-1', 'x', hash.replace(/\$[\w-]{8}\$/, '$AAAAAAAA$'))).toBe(false)
    expect(hashes.matches('lock-1', 'x', hashes.decoy)).toBe(false)
  })

  it('for one purpose is none for another', () => {
    const hashes = createKeyedHashes(A)
    const all = [
      ...hashes.lookups('api_key', 'x'),
      ...hashes.lookups('claim_key', 'x'),
      ...hashes.lookups('claim_proof', 'x'),
    ]
    expect(new Set(all).size).toBe(3)
  })

  it('texts are lengthPrefixed: no two lists give the same bytes', () => {
    expect(lengthPrefixed('ab', 'c')).not.toEqual(lengthPrefixed('a', 'bc'))
    expect(lengthPrefixed('a', '')).not.toEqual(lengthPrefixed('a'))
    expect(lengthPrefixed('a\0', 'b')).not.toEqual(lengthPrefixed('a', '\0b'))
  })

  it.each(['', 'x\0', '\ud800', 'x'.repeat(1025)])('is not made of %j', (secret) => {
    const hashes = createKeyedHashes(A)
    const refused = expect.objectContaining({ code: 'invalid_options' })
    expect(() => hashes.keyed('lock-1', secret)).toThrow(refused)
    expect(() => hashes.lookups('api_key', secret)).toThrow(refused)
  })
})

describe('the secret', () => {
  it.each([['short'], [[]], [[A, 'short']], [undefined]])(
    '%j is refused, and the message says what to do',
    (secret) => {
      const make = () => createDeviceHub({ types: [], credentials: { secret: secret as string } })
      expect(make).toThrow(expect.objectContaining({ code: 'invalid_options' }))
      expect(make).toThrow(/openssl rand -base64 32/)
      expect(make).not.toThrow(/short/)
    },
  )
})

describe('a slow hash', () => {
  it('says its cost, is salted, and matches its password alone', async () => {
    const slow = slowHash()
    const hash = await slow.hash('correct horse')
    expect(hash).toMatch(/^s1\$15\$8\$1\$[\w-]{22}\$[\w-]{43}$/)
    expect(await slow.hash('correct horse')).not.toBe(hash)
    expect(await slow.matches('lock-1', 'correct horse', hash)).toBe(true)
    expect(await slow.matches('lock-1', 'correct hors', hash)).toBe(false)
  })

  it('of another cost is read by its own', async () => {
    // scrypt of "pw" with the salt 0123456789abcdef, N = 16, r = 1, p = 2.
    const { scryptSync } = await import('node:crypto')
    const salt = Buffer.from('0123456789abcdef')
    const hash = scryptSync('pw', salt, 32, { N: 16, r: 1, p: 2 }).toString('base64url')
    expect(await slowHash().matches('lock-1', 'pw', `s1$4$1$2$${salt.toString('base64url')}$${hash}`)).toBe(
      true,
    )
  })

  const rest = `${'A'.repeat(22)}$${'A'.repeat(43)}`
  it.each([
    `s1$30$8$1$${rest}`,
    `s1$15$99$1$${rest}`,
    `s1$15$8$9$${rest}`,
    `s1$17$8$1$${rest}`,
    `s1$0$8$1$${rest}`,
    `s1$15$0$1$${rest}`,
    `s1$15$8$1$$${'A'.repeat(43)}`,
    `s1$15$8$1$${'A'.repeat(22)}$`,
    `s1$1e9$8$1$${rest}`,
    '',
  ])('%s costs nothing', async (hash) => {
    const slow = slowHash()
    expect(await slow.matches('lock-1', 'pw', hash)).toBe(false)
    expect(slow.counted.hashes).toBe(0)
  })

  it('waits for its turn, up to a bound', async () => {
    const slow = slowHash(1, 2)
    const all = await Promise.allSettled(Array.from({ length: 5 }, () => slow.hash('pw')))
    const refused = all.filter((one) => one.status === 'rejected').map((one) => one.reason.code)
    expect(refused).toEqual(['queue_full', 'queue_full'])
    expect(slow.counted.hashes).toBe(3)
    expect(await slow.matches('lock-1', 'pw', await slow.hash('pw'))).toBe(true)
  })

  it('that waits when the hub closes is refused', async () => {
    const slow = slowHash(1, 2)
    const all = Promise.allSettled([slow.hash('pw'), slow.hash('pw')])
    slow.close()
    expect((await all).map((one) => one.status)).toEqual(['fulfilled', 'rejected'])
    await expect(slow.hash('pw')).rejects.toMatchObject({ code: 'closed' })
  })

  it.each(['', 'x\0', '\udfff', 'x'.repeat(1025)])('is not made of %j', async (password) => {
    await expect(slowHash().hash(password)).rejects.toMatchObject({ code: 'invalid_options' })
  })
})
