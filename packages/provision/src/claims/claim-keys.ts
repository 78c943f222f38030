import {
  type AnyDeviceType,
  type ClaimKeyRecord,
  DeviceHubError,
  type Page,
  randomIds,
} from '@devicehub/core'
import { assertType } from '../credentials/check-request.js'
import { randomSecret } from '../credentials/secrets.js'
import type { ProvisionHub } from '../provision-hub.js'

export interface NewClaimKey {
  /** For people: 1 to 255 characters. */
  readonly name: string
  /** How many devices may be claimed with it. */
  readonly maxUses: number
  /** Seconds for which it is good. */
  readonly expiresIn: number
  /** Whether a device that does not exist is created. Default false: only registered ones can be claimed. */
  readonly createsDevices?: boolean
  /** Device ids have to begin with it; default: any. */
  readonly idPrefix?: string
}

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

export interface ClaimKeysApi {
  /** The key itself is shown once: only its keyed hash is kept. */
  create(type: AnyDeviceType, key: NewClaimKey): Promise<{ readonly id: string; readonly key: string }>
  /** Newest first; 100 a page unless `limit` (1 to 1,000) says otherwise. */
  list(request?: { readonly limit?: number; readonly cursor?: string }): Promise<Page<ClaimKey>>
  /** Effective at once. False when there is none of that id, or it is revoked already. */
  revoke(id: string): Promise<boolean>
}

const NAME_MAX = 255
const USES_MAX = 1_000_000_000
const EXPIRES_MAX = 10 * 365 * 86_400
const PAGE = 100
const PAGE_MAX = 1_000

export function createClaimKeys(hub: ProvisionHub): ClaimKeysApi {
  const { storage, clock, credentials } = hub
  return {
    async create(type, given) {
      assertType(hub.types, type)
      const { name, maxUses, expiresIn, createsDevices = false, idPrefix = '' } = given
      if (typeof name !== 'string' || name === '' || name.length > NAME_MAX || name.includes('\0'))
        throw refuse(`name is a text of 1 to ${NAME_MAX} characters without NUL`)
      if (!isWhole(maxUses, USES_MAX)) throw refuse(`maxUses is a whole number from 1 to ${USES_MAX}`)
      if (!isWhole(expiresIn, EXPIRES_MAX))
        throw refuse(`expiresIn is a whole number of seconds from 1 to ${EXPIRES_MAX}`)
      if (typeof createsDevices !== 'boolean') throw refuse('createsDevices is true or false')
      if (
        typeof idPrefix !== 'string' ||
        !/^[A-Za-z0-9_-]*$/.test(idPrefix) ||
        idPrefix.length >= hub.deviceIdMaxLength
      )
        throw refuse(
          `idPrefix is the beginning of device ids: letters a to z, digits, _ and -, fewer than ${hub.deviceIdMaxLength}`,
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
        maxUses,
        uses: 0,
        createdAt: now,
        expiresAt: now + expiresIn * 1000,
        revokedAt: null,
      })
      return { id, key }
    },
    async list({ limit = PAGE, cursor } = {}) {
      if (!isWhole(limit, PAGE_MAX)) throw refuse(`limit is a whole number from 1 to ${PAGE_MAX}`)
      const page = await storage.claims.listKeys({ limit, cursor })
      return { items: page.items.map(withoutLookup), cursor: page.cursor }
    },
    revoke: (id) => storage.claims.revokeKey(id, clock.now()),
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

const isWhole = (value: number, max: number): boolean => Number.isInteger(value) && value >= 1 && value <= max

const refuse = (rule: string) => new DeviceHubError('invalid_options', `a claim key: ${rule}`)
