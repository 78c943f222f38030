import type { AnyDeviceType } from '@devicehub/core'
import type { CredentialKind, NewCredential } from '@devicehub/core/storage'
import { randomIds } from '@devicehub/core/transport'
import type { ProvisionHub } from '../provision-hub.js'
import { randomApiKey, randomSecret } from './secrets.js'
import { usernameOf } from './username.js'

export const ALL_KINDS: readonly CredentialKind[] = ['password', 'api_key']

/** Secrets of one device, and how they are stored. */
export interface MadeCredentials {
  readonly username: string
  /** Null: not asked for. */
  readonly password: string | null
  readonly apiKey: string | null
  readonly add: readonly NewCredential[]
}

export interface MakeOptions {
  readonly kinds: readonly CredentialKind[]
  readonly expiresAt: number | null
  readonly now: number
}

export function makeCredentials(
  { credentials: { hashes } }: Pick<ProvisionHub, 'credentials'>,
  type: AnyDeviceType,
  deviceId: string,
  { kinds, expiresAt, now }: MakeOptions,
): MadeCredentials {
  const username = usernameOf(type, deviceId)
  const password = kinds.includes('password') ? randomSecret() : null
  const apiKey = kinds.includes('api_key') ? randomApiKey() : null
  const add: NewCredential[] = []
  const note = (kind: CredentialKind, lookup: string, secret: string) =>
    add.push({
      id: randomIds.next(),
      kind,
      lookup,
      hash: hashes.keyed(lookup, secret),
      createdAt: now,
      expiresAt,
    })
  if (password !== null) note('password', username, password)
  if (apiKey !== null) note('api_key', hashes.lookups('api_key', apiKey)[0] as string, apiKey)
  return { username, password, apiKey, add }
}
