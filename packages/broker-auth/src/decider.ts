import { type DeviceHub, isDeviceHubError, type Principal } from '@devicehub/core'
import type { InMilliseconds } from '@devicehub/core/check'
import { toLine } from '@devicehub/core/transport'
import {
  accountAllows,
  accountProblem,
  clientIdFits,
  createAccountCache,
  passwordFits,
  staticAccounts,
} from './accounts.js'
import { createBounded } from './bounded.js'
import {
  type AccessRequest,
  type Account,
  type Decider,
  type Decision,
  type LoginDecision,
  type LoginRequest,
  MAX_TOPICS,
} from './decision.js'
import { createDeviceGrants, deviceTopicProblem, grantsAllow } from './device-rules.js'
import type { AccountLogin, DeciderOptions } from './options.js'
import { hasControlCharacter } from './topic-filter.js'

/** What deciding needs of a hub. */
export type DeciderHub = Pick<DeviceHub, 'credentials' | 'topicPrefix' | 'logger' | 'metrics' | 'clock'>

/** Decisions since the start. */
export interface DeciderStats {
  /** Logins, by their answer. */
  readonly logins: { readonly allowed: number; readonly denied: number }
  /** Questions, each counted once: denied when one of its topics is. */
  readonly access: { readonly allowed: number; readonly denied: number }
  /** Denied because of overload, a time-out or too many topics; also counted as denied. */
  readonly shed: number
  /** Denied because the database was unavailable, or a function threw; also counted as denied. */
  readonly failed: number
  /** Decisions that run now. */
  readonly pending: number
}

const MAX_NAME = 255
const MAX_PASSWORD = 1024
const SHED = 'shed'

const ALLOWED: Decision = { allow: true, reason: 'granted' }
const deny = (reason: string): Decision => ({ allow: false, reason })
const NOT_DECIDED = deny(SHED)
const refuse = (reason: string): LoginDecision => ({ ...deny(reason), principal: null, grants: null })

export function createDecider(
  hub: DeciderHub,
  options: InMilliseconds<DeciderOptions> = {},
): Decider & { stats(): DeciderStats } {
  const { accounts, accountsFor = 60_000, clientId: clientIds = 'username', rules } = options
  const { maxPending: max = 10_000 } = options
  const timeout = options.timeout ?? 3_000
  const known = staticAccounts(accounts)
  const grantsOf = createDeviceGrants(hub.topicPrefix)
  const lookUp = typeof accounts === 'function' ? accounts : null
  const accountCache = createAccountCache(accountsFor, hub.clock)
  const counts = { login: { allowed: 0, denied: 0 }, access: { allowed: 0, denied: 0 }, shed: 0, failed: 0 }
  let failing = false

  const decisions = createBounded({ max, timeout, until: 'answered', onShed: () => counts.shed++ })
  // Functions of the application have no time limit of their own: one that hangs keeps its slot here, not a decision's.
  // Late ones are not counted again: the decision that waits for them is late too, and counted.
  const functions = createBounded({
    max,
    timeout,
    until: 'settled',
    onShed: (why) => why === 'full' && counts.shed++,
  })

  async function login(request: LoginRequest): Promise<LoginDecision> {
    if (!isQuestion(request)) return refuse('malformed_question')
    const { username, password } = request
    const clientId = request.clientId || undefined
    if (!isName(username)) return refuse('malformed_username')
    if (typeof password !== 'string' || password === '' || password.length > MAX_PASSWORD)
      return refuse('malformed_password')
    if (!isClientId(clientId)) return refuse('malformed_client_id')
    const account = known.get(username)
    if (account !== undefined) {
      if (passwordFits(account, password)) return accountLogin(account, clientId)
      // Takes as long as for a user name that is unknown, so that the time does not tell that the account exists.
      await hub.credentials.verify({ username, password })
      return refuse('wrong_credentials')
    }
    const principal = await hub.credentials.verify({ username, password })
    if (principal !== null && principal.username === username) return deviceLogin(principal, clientId)
    const found = await accountOf({ username, password, clientId })
    if (found === null) return refuse('wrong_credentials')
    const decision = accountLogin(found, clientId)
    if (decision.allow) accountCache.set(username, clientId, found)
    return decision
  }

  function deviceLogin(principal: Principal, clientId: string | undefined): LoginDecision {
    if (!isClientIdOf(principal, clientId)) return refuse('foreign_client_id')
    const grants = grantsOf(principal.type, principal.deviceId)
    return { allow: true, reason: 'device', principal, grants, partial: rules !== undefined }
  }

  function accountLogin(account: Account, clientId: string | undefined): LoginDecision {
    if (!clientIdFits(account, clientId)) return refuse('foreign_client_id')
    const { publish, subscribe } = account
    return { allow: true, reason: 'account', principal: null, grants: { publish, subscribe } }
  }

  function isClientIdOf(principal: Principal, clientId: string | undefined): boolean {
    if (clientIds === 'any') return true
    if (clientId === undefined) return false
    if (clientIds === 'username') return clientId === principal.username
    return clientIds(principal, clientId) === true
  }

  /** What the application's function says; null for no such account. */
  async function accountOf(asked: AccountLogin): Promise<Account | null> {
    if (lookUp === null) return null
    const account = await functions.run(asked.username, async () => lookUp(asked), null)
    if (account === null || account === undefined) return null
    const problem = accountProblem(account)
    if (problem === null) return account
    hub.logger.error(
      { username: toLine(asked.username) },
      `The account that the accounts function returned ${problem}`,
    )
    return null
  }

  async function access(request: AccessRequest): Promise<Decision> {
    if (!isQuestion(request)) return deny('malformed_question')
    const { username } = request
    const clientId = request.clientId || undefined
    if (!isName(username)) return deny('malformed_username')
    if (!isClientId(clientId)) return deny('malformed_client_id')
    if (request.action !== 'publish' && request.action !== 'subscribe') return deny('unknown_action')
    const account = known.get(username)
    if (account !== undefined) return accountAccess(account, request, clientId)
    const principal = await hub.credentials.find(username)
    if (principal !== null && principal.username === username)
      return deviceAccess(principal, request, clientId)
    let found = accountCache.get(username, clientId)
    if (found === null) {
      found = await accountOf({ username, password: null, clientId })
      if (found !== null) accountCache.set(username, clientId, found)
    }
    return found === null ? deny('unknown_user') : accountAccess(found, request, clientId)
  }

  function accountAccess(account: Account, request: AccessRequest, clientId: string | undefined): Decision {
    if (!clientIdFits(account, clientId)) return deny('foreign_client_id')
    return accountAllows(account, request) ? ALLOWED : deny('not_granted')
  }

  async function deviceAccess(
    principal: Principal,
    request: AccessRequest,
    clientId: string | undefined,
  ): Promise<Decision> {
    if (!isClientIdOf(principal, clientId)) return deny('foreign_client_id')
    const problem = deviceTopicProblem(request)
    if (problem !== null) return deny(problem)
    const { action, topic } = request
    const grants = grantsOf(principal.type, principal.deviceId)
    if (grantsAllow(grants, action, topic)) return ALLOWED
    if (rules === undefined) return deny('foreign_topic')
    const allowed = await functions.run(
      request.username,
      async () => (await rules(request, principal)) === true,
      false,
    )
    return allowed ? { allow: true, reason: 'rule' } : deny('foreign_topic')
  }

  /** Denies when the work throws. */
  async function decided<D extends Decision>(work: () => Promise<D>, no: (reason: string) => D): Promise<D> {
    try {
      const decision = await work()
      if (decision.reason !== SHED) failing = false
      return decision
    } catch (error) {
      // Overload is no fault: too many requests, or too many for one user name. Not logged one by one.
      if (isDeviceHubError(error, 'queue_full')) {
        counts.shed++
        return no(SHED)
      }
      counts.failed++
      // Logged once for an outage, not for each device.
      if (!failing) hub.logger.warn({ err: error }, 'Decisions fail: logins and topics are denied')
      failing = true
      return no('failed')
    }
  }

  function count(question: 'login' | 'access', { allow }: Decision): void {
    const answer = allow ? 'allowed' : 'denied'
    counts[question][answer]++
    hub.metrics.count('devicehub_broker_auth_decisions_total', 1, { question, answer })
  }

  async function accessAll(given: readonly AccessRequest[]): Promise<readonly Decision[]> {
    const requests = listOf(given)
    const decisionsOf = () => Promise.all(requests.map((each) => decided(() => access(each), deny)))
    // No device needs so many topics, and deciding them would delay everybody else.
    const isTooLong = requests.length > MAX_TOPICS
    if (isTooLong) counts.shed++
    const some = isTooLong ? [] : await decisions.run(nameIn(requests[0]), decisionsOf, [])
    const all = requests.map((_request, index) => some[index] ?? NOT_DECIDED)
    // One question counts once, however many topics are in it: a sender must not inflate the figures.
    count('access', all.length === 0 ? NOT_DECIDED : (all.find(({ allow }) => !allow) ?? ALLOWED))
    return all
  }

  return {
    async login(request) {
      const decision = await decided(
        () => decisions.run(nameIn(request), () => login(request), refuse(SHED)),
        refuse,
      )
      count('login', decision)
      return decision
    },
    async access(request) {
      const [decision = deny(SHED)] = await accessAll([request])
      return decision
    },
    accessAll,
    stats: () => ({
      logins: { ...counts.login },
      access: { ...counts.access },
      shed: counts.shed,
      failed: counts.failed,
      pending: decisions.pending,
    }),
  }
}

/** Each is read once; a value that is not a list, or cannot be read, counts as no topics. */
function listOf(given: unknown): readonly AccessRequest[] {
  try {
    return Array.isArray(given) ? Array.from(given as AccessRequest[]) : []
  } catch {
    return []
  }
}

/** Whose share a question takes: all that have no user name, or none that can be one, have one in common. */
function nameIn(request: unknown): string {
  try {
    const { username } = request as { readonly username?: unknown }
    return typeof username === 'string' && username.length <= MAX_NAME ? username : ''
  } catch {
    return ''
  }
}

/** A broker of the application's own may ask anything. */
const isQuestion = (request: unknown): boolean => typeof request === 'object' && request !== null

const isName = (name: string): boolean =>
  typeof name === 'string' && name !== '' && name.length <= MAX_NAME && !hasControlCharacter(name)

/** Undefined: the broker did not send it. Names that begin with `$` are reserved by brokers. */
const isClientId = (clientId: string | undefined): boolean =>
  clientId === undefined || (isName(clientId) && !clientId.startsWith('$'))
