import { type Clock, DeviceHubError } from '@devicehub/core'
import { secretEquals } from '@devicehub/http'
import type { AccessRequest, Account } from './decision.js'
import { grantsAllow } from './device-rules.js'
import type { DeciderOptions, StaticAccount } from './options.js'
import { isPublishable, parseSubscription } from './topic-filter.js'

const MIN_PASSWORD = 16
const CACHE_MAX = 10_000

const refuse = (message: string, details: Record<string, unknown> = {}) =>
  new DeviceHubError('invalid_options', message, { details })

const list = (value: string | readonly string[]): readonly string[] =>
  typeof value === 'string' ? [value] : value

/** The accounts of the options, checked; `invalid_options` names the account and what is wrong, without its password. */
export function staticAccounts(accounts: DeciderOptions['accounts']): ReadonlyMap<string, StaticAccount> {
  if (accounts === undefined || typeof accounts === 'function') return new Map()
  const entries = Object.entries(accounts)
  for (const [username, account] of entries) {
    const at = `accounts[${JSON.stringify(username)}]`
    if (username === '') throw refuse('An account needs a user name')
    const passwords = list(account.password ?? [])
    if (
      passwords.length === 0 ||
      passwords.some((each) => typeof each !== 'string' || each.length < MIN_PASSWORD)
    )
      throw refuse(`${at}.password must have at least ${MIN_PASSWORD} characters: openssl rand -base64 24`, {
        username,
      })
    const problem = accountProblem(account)
    if (problem !== null) throw refuse(`${at} ${problem}`, { username })
  }
  return new Map(entries)
}

/** What is wrong with an account; null for a valid one. Also used for what an accounts function returns. */
export function accountProblem(account: Account): string | null {
  for (const name of ['publish', 'subscribe'] as const) {
    if (!Array.isArray(account[name])) return `needs ${name}: topic filters, [] for none`
    const bad = account[name].find((filter: unknown) => !isGrantable(filter))
    if (bad !== undefined)
      return `has ${JSON.stringify(bad)} in ${name}, which is no topic filter without $share, * and braces`
  }
  const { clientId } = account
  if (clientId !== undefined && (typeof clientId !== 'string' || !/^[^*]+\*?$/.test(clientId)))
    return 'needs a clientId that is an id, or the beginning of ids with a * at the end'
  return null
}

/** `*` is a wildcard to RabbitMQ, `${...}` a variable to EMQX: no broker may read more into a filter than it says. */
function isGrantable(filter: unknown): boolean {
  if (typeof filter !== 'string' || /[*{}]/.test(filter)) return false
  return parseSubscription(filter)?.group === null
}

/** Compares with every password, so that the time does not tell which one matched. */
export function passwordFits(account: StaticAccount, password: string): boolean {
  let fits = false
  for (const each of list(account.password)) fits = secretEquals(password, each) || fits
  return fits
}

export function clientIdFits({ clientId: bound }: Account, clientId: string | undefined): boolean {
  if (bound === undefined) return true
  if (clientId === undefined) return false
  return bound.endsWith('*') ? clientId.startsWith(bound.slice(0, -1)) : clientId === bound
}

export function accountAllows(account: Account, { action, topic }: AccessRequest): boolean {
  if (action === 'publish') return isPublishable(topic) && grantsAllow(account, action, topic)
  const subscription = parseSubscription(topic)
  if (subscription === null || (subscription.group !== null && account.shared !== true)) return false
  return grantsAllow(account, action, subscription.filter)
}

export interface AccountCache {
  get(username: string, clientId: string | undefined): Account | null
  set(username: string, clientId: string | undefined, account: Account): void
}

/** Caches what the accounts function returned; the least recently used is evicted first. */
export function createAccountCache(keptMs: number, clock: Clock): AccountCache {
  const known = new Map<string, { readonly account: Account; readonly at: number }>()
  // The function may have returned different accounts for two clients of one user name.
  const keyOf = (username: string, clientId: string | undefined) => JSON.stringify([username, clientId])
  return {
    get(username, clientId) {
      const key = keyOf(username, clientId)
      const found = known.get(key)
      if (found === undefined) return null
      known.delete(key)
      // A clock that was set back must not keep it longer.
      if (Math.abs(clock.now() - found.at) >= keptMs) return null
      known.set(key, found)
      return found.account
    },
    set(username, clientId, account) {
      const key = keyOf(username, clientId)
      known.delete(key)
      known.set(key, { account, at: clock.now() })
      if (known.size > CACHE_MAX) known.delete(known.keys().next().value as string)
    },
  }
}
