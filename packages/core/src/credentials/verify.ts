import { accept, anything, optional, partOf } from '../model/check/index.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { FoundCredential } from '../ports/credentials.js'
import type { CredentialDirectory } from './credential-directory.js'
import type { CredentialsApi, Principal } from './credentials-api.js'
import type { KeyedHashes } from './secret-hashes.js'
import { isSecret, isUsername } from './validate-secret.js'

export interface VerifierOptions {
  readonly directory: Pick<CredentialDirectory, 'find'>
  readonly hashes: KeyedHashes
  readonly matchesSlow: (credential: FoundCredential, password: string) => Promise<boolean>
  readonly types: readonly AnyDeviceType[]
}

// Strangers choose the values: one that cannot be a user name or password is answered with null, not with an error.
const anyValue = optional(anything<string>())
const LOGIN = partOf<{ readonly username?: string; readonly password?: string }>(
  { username: anyValue, password: anyValue },
  '{ username, password }',
)

export function createVerifier({
  directory,
  hashes,
  matchesSlow,
  types,
}: VerifierOptions): Pick<CredentialsApi, 'verify' | 'verifyApiKey' | 'find'> {
  const typesByKey = new Map(types.map((type) => [type.key, type]))

  /**
   * The credentials that the secret matches. A keyed hash takes as long as none, so that the time does not tell whether
   * a device has one. A slow hash takes its 100 ms: to compute one for every unknown name as well would let strangers keep
   * the processor busy with names they make up.
   */
  async function matching(
    found: readonly FoundCredential[],
    lookup: string,
    secret: string,
  ): Promise<FoundCredential[]> {
    const keyed = found.filter((credential) => !isSlow(credential))
    const slow = found.filter(isSlow)
    if (keyed.length === 0) hashes.matches(lookup, secret, hashes.decoy)
    const matched = keyed.filter((one) => hashes.matches(one.lookup, secret, one.hash))
    if (matched.length > 0) return matched
    // One after the other: a login takes one slot of the slow hashes, however many passwords its user name has.
    for (const one of slow) if (await matchesSlow(one, secret)) matched.push(one)
    return matched
  }

  /** Null unless all are of one device, whose type this hub knows. */
  function principalOf(good: readonly FoundCredential[], username: string | null): Principal | null {
    const [first] = good
    const type = first && typesByKey.get(first.typeKey)
    if (type === undefined || first === undefined) return null
    const { typeKey, deviceId } = first
    if (good.some((one) => one.typeKey !== typeKey || one.deviceId !== deviceId)) return null
    const ends = good.map(({ expiresAt }) => expiresAt ?? Number.POSITIVE_INFINITY)
    const end = Math.max(...ends)
    return { type, deviceId, username, expiresAt: Number.isFinite(end) ? new Date(end) : null }
  }

  return {
    async verify(login) {
      const { username, password } = accept('credentials.verify', 'login', LOGIN, login)
      if (!isUsername(username) || !isSecret(password)) return null
      const found = await directory.find('password', username)
      return principalOf(await matching(found, username, password), username)
    },
    async verifyApiKey(apiKey) {
      if (!isSecret(apiKey)) return null
      const lookups = hashes.lookups('api_key', apiKey)
      const found = await Promise.all(lookups.map((lookup) => directory.find('api_key', lookup)))
      return principalOf(await matching(found.flat(), lookups[0] as string, apiKey), null)
    },
    async find(username) {
      if (!isUsername(username)) return null
      return principalOf(await directory.find('password', username), username)
    },
  }
}

const isSlow = ({ hash }: FoundCredential) => hash.startsWith('s1$')
