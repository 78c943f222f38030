import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto'
import { accept, isList, word } from '../model/check/index.js'
import { DeviceHubError } from '../model/errors.js'
import type { SecretHashes } from './credentials-api.js'
import { lengthPrefixed } from './length-prefixed.js'
import { assertSecret, assertUsername } from './validate-secret.js'

/** The keyed hashes of `SecretHashes`, and their comparison. */
export interface KeyedHashes extends Pick<SecretHashes, 'keyed' | 'lookups'> {
  /** In constant time: one HMAC, whatever `hash` is. */
  matches(lookup: string, secret: string, hash: string): boolean
  /** A hash that no secret matches: an unknown user name is compared with it, so that it takes as long as a known one. */
  readonly decoy: string
}

type LookupPurpose = Parameters<SecretHashes['lookups']>[0]

const LOOKUP_PURPOSES: readonly LookupPurpose[] = ['api_key', 'claim_key', 'claim_proof']
const SECRET_MIN = 32

/** The keys derived from one configured secret: one for each purpose, so that a hash for one is useless for another. */
interface Keys {
  /** Written into each stored hash: which secret made it. */
  readonly id: string
  readonly secret: Buffer
  readonly lookup: Readonly<Record<LookupPurpose, Buffer>>
}

const PURPOSE = word(...LOOKUP_PURPOSES)

/** `invalid_options` for a secret that is too short. Rotation: the first secret makes new hashes, all of them verify. */
export function createKeyedHashes(secrets: string | readonly string[]): KeyedHashes {
  const all = (isList(secrets) ? secrets : [secrets]).map(keysOf)
  const [primary] = all
  if (primary === undefined) throw invalidSecret('is an empty list')

  const digest = ({ secret }: Keys, lookup: string, text: string) =>
    hmac(secret, lengthPrefixed('secret', lookup, text))

  return {
    decoy: stored(primary.id, randomBytes(32)),
    keyed(lookup, secret) {
      assertUsername(lookup)
      assertSecret(secret)
      return stored(primary.id, digest(primary, lookup, secret))
    },
    lookups(given, secret) {
      const purpose = accept('credentials.hashes.lookups', 'purpose', PURPOSE, given)
      assertSecret(secret)
      return all.map(({ lookup }) =>
        hmac(lookup[purpose], lengthPrefixed(purpose, secret)).toString('base64url'),
      )
    },
    matches(lookup, secret, hash) {
      const [version, id, text = ''] = hash.split('$')
      const keys = all.find((one) => one.id === id)
      const expected = Buffer.from(text, 'base64url')
      const actual = digest(keys ?? primary, lookup, secret)
      const isEqual = expected.length === actual.length && timingSafeEqual(expected, actual)
      return isEqual && keys !== undefined && version === 'h1'
    },
  }
}

function keysOf(secret: unknown): Keys {
  if (typeof secret !== 'string') throw invalidSecret('is not a text')
  if (secret.length < SECRET_MIN) throw invalidSecret(`has ${secret.length} characters`)
  const lookup = LOOKUP_PURPOSES.map((purpose) => [purpose, derive(secret, `lookup ${purpose}`, 32)])
  return {
    id: derive(secret, 'key id', 6).toString('base64url'),
    secret: derive(secret, 'secret', 32),
    lookup: Object.fromEntries(lookup) as Keys['lookup'],
  }
}

const derive = (secret: string, purpose: string, length: number): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, '', `devicehub credentials ${purpose}`, length))

const hmac = (key: Buffer, data: Buffer): Buffer => createHmac('sha256', key).update(data).digest()

const stored = (id: string, digest: Buffer): string => `h1$${id}$${digest.toString('base64url')}`

const invalidSecret = (problem: string) =>
  new DeviceHubError(
    'invalid_options',
    `credentials.secret ${problem}; pass one of ${SECRET_MIN} characters or more, the same in every process: openssl rand -base64 32`,
  )
