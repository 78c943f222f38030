import type { Clock } from '@devicehub/core'
import { CLAIM_USERNAME, type ClaimTopics } from './claim-topics.js'
import type { ClaimKeyFinder } from './find-claim-key.js'

/** The login of a client that is not a device. */
export interface ClaimLogin {
  /** As the client gave it; claims are made under `claim`. */
  readonly username: string
  /** The claim key; null: the client is connected already. */
  readonly password: string | null
  /**
   * As the client gave it: `claim_` and 16 to 64 random letters and digits. Undefined: the broker did not
   * send it.
   */
  readonly clientId: string | undefined
}

/** What such a client may do. */
export interface ClaimAccount {
  /** The only client id it may use. */
  readonly clientId: string
  /** The topic of its claim, and no other. */
  readonly publish: readonly string[]
  /** The topic of the answer, and no other. */
  readonly subscribe: readonly string[]
}

/** Clients with the user name `claim` and a valid claim key as their password may claim, and nothing else. */
export function createClaimAccounts(topics: ClaimTopics, findKey: ClaimKeyFinder, clock: Clock) {
  return async ({ username, password, clientId }: ClaimLogin): Promise<ClaimAccount | null> => {
    if (typeof clientId !== 'string') return null
    const own = topics.of(clientId)
    if (username !== CLAIM_USERNAME || own === null) return null
    if (password !== null) {
      const key = await findKey(password)
      // A key without uses left still serves a device whose answer was lost.
      if (key === null || key.revokedAt !== null || key.expiresAt <= clock.now()) return null
    }
    return { clientId, publish: [own.request], subscribe: [own.response] }
  }
}
