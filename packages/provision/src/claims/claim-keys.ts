import { type AnyDeviceType, DeviceHubError, type Page } from '@devicehub/core'
import type { ClaimKeyRecord } from '@devicehub/core/storage'
import { randomIds } from '@devicehub/core/transport'
import { assertType } from '../credentials/check-request.js'
import { randomSecret } from '../credentials/secrets.js'
import { acceptClaimId, acceptClaimKey, acceptClaimPage } from '../option-rules.js'
import type { ProvisionHub } from '../provision-hub.js'
import type { NewClaimKey } from './new-claim-key.js'

/** A claim key, without the key. */
export type ClaimKey = Omit<
  ClaimKeyRecord,
  'lookup' | 'typeKey' | 'createdAt' | 'expiresAt' | 'revokedAt'
> & {
  readonly typeKey: string
  readonly createdAt: Date
  readonly expiresAt: Date
  readonly revokedAt: Date | null
}

/** `provisioner.claims`: the keys with which devices claim. */
export interface ClaimKeysApi {
  /** The key itself is shown once: only its keyed hash is kept. */
  create(type: AnyDeviceType, key: NewClaimKey): Promise<{ readonly id: string; readonly key: string }>
  /** Newest first; `limit` keys a page, 1 to 1,000, default 100. */
  list(request?: { readonly limit?: number; readonly cursor?: string }): Promise<Page<ClaimKey>>
  /** Revokes a key at once. False when there is no key with that id, or it is revoked already. */
  revoke(id: string): Promise<boolean>
}

const PAGE = 100

export function createClaimKeys(hub: ProvisionHub): ClaimKeysApi {
  const { storage, clock, credentials } = hub
  return {
    async create(type, given) {
      const {
        name,
        maxUses,
        expiresIn,
        createsDevices = false,
        idPrefix = '',
        labels = {},
      } = acceptClaimKey(type, given)
      assertType(hub.types, type)
      if (idPrefix.length >= hub.deviceIdMaxLength)
        throw new DeviceHubError(
          'invalid_options',
          `claims.create: idPrefix must have fewer than ${hub.deviceIdMaxLength} characters, since device ids begin with it`,
        )
      const id = randomIds.next()
      const key = randomSecret()
      const now = clock.now()
      await storage.claims.createKey({
        id,
        lookup: credentials.hashes.lookups('claim_key', key)[0] as string,
        typeKey: type.key,
        name,
        createsDevices,
        idPrefix,
        labels,
        maxUses,
        uses: 0,
        createdAt: now,
        expiresAt: now + expiresIn,
        revokedAt: null,
      })
      return { id, key }
    },
    async list(request = {}) {
      const { limit = PAGE, cursor } = acceptClaimPage(request)
      const page = await storage.claims.listKeys({ limit, cursor })
      return { items: page.items.map(withoutLookup), cursor: page.cursor }
    },
    revoke: async (id) => storage.claims.revokeKey(acceptClaimId(id), clock.now()),
  }
}

function withoutLookup({ lookup: _, createdAt, expiresAt, revokedAt, ...key }: ClaimKeyRecord): ClaimKey {
  return {
    ...key,
    createdAt: new Date(createdAt),
    expiresAt: new Date(expiresAt),
    revokedAt: revokedAt === null ? null : new Date(revokedAt),
  }
}
