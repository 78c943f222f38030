import type { PlainResponse } from '@devicehub/http'
import type { LoginDecision } from '../decision.js'
import {
  type BrokerAdapter,
  type BrokerCall,
  type BrokerContext,
  emptyResponse,
  jsonResponse,
  text,
} from './broker-adapter.js'

/** A denial has status 200: at any other status EMQX asks the next source, and may allow in the end. */
const denied = (): PlainResponse => jsonResponse({ result: 'deny' })

async function authn({ fields }: BrokerCall, { decider }: BrokerContext): Promise<PlainResponse> {
  const decision = await decider.login({
    username: text(fields, 'username'),
    password: text(fields, 'password'),
    clientId: text(fields, 'clientid') || undefined,
  })
  if (!decision.allow) return denied()
  const acl = decision.partial ? null : aclOf(decision.grants)
  const expiresAt = decision.principal?.expiresAt ?? null
  return jsonResponse({
    result: 'allow',
    // Superusers are not asked for topics.
    is_superuser: false,
    // Seconds; EMQX refuses the login if it is not a whole number.
    ...(expiresAt === null ? {} : { expire_at: Math.floor(expiresAt.getTime() / 1000) }),
    ...(acl === null ? {} : { acl }),
  })
}

interface AclRule {
  readonly permission: 'allow' | 'deny'
  readonly action: 'publish' | 'subscribe' | 'all'
  readonly topic: string
}

/**
 * The rules that EMQX keeps with the connection and goes by instead of asking; null: it has to ask. Ends by denying
 * everything, since what matches no rule falls through to the other sources. An allowed `a/+` would allow to subscribe
 * to `a/#` there, so what ends that way is asked for.
 */
function aclOf(grants: LoginDecision['grants']): readonly AclRule[] | null {
  if (grants === null) return null
  const { publish, subscribe } = grants
  if ([...publish, ...subscribe].some((filter) => filter === '+' || filter.endsWith('/+'))) return null
  return [
    ...publish.map((topic): AclRule => ({ permission: 'allow', action: 'publish', topic })),
    ...subscribe.map((topic): AclRule => ({ permission: 'allow', action: 'subscribe', topic })),
    { permission: 'deny', action: 'all', topic: '#' },
  ]
}

async function authz({ fields }: BrokerCall, { decider }: BrokerContext): Promise<PlainResponse> {
  const action = text(fields, 'action')
  if (action !== 'publish' && action !== 'subscribe') return denied()
  const decision = await decider.access({
    username: text(fields, 'username'),
    clientId: text(fields, 'clientid') || undefined,
    action,
    topic: text(fields, 'topic'),
  })
  return decision.allow ? jsonResponse({ result: 'allow' }) : denied()
}

const EVENTS = { 'client.connected': 'connected', 'client.disconnected': 'disconnected' } as const

/** Of the rules `$events/client_connected` and `$events/client_disconnected`. They can arrive twice and out of order. */
async function events({ fields }: BrokerCall, { presence }: BrokerContext): Promise<PlainResponse> {
  const name = text(fields, 'event')
  if (!Object.hasOwn(EVENTS, name)) return emptyResponse(204)
  const event = EVENTS[name as keyof typeof EVENTS]
  const connectedAt = time(fields, 'connected_at')
  const told = event === 'connected' ? connectedAt : time(fields, 'disconnected_at')
  const outcome = await presence.report({
    broker: 'emqx',
    event,
    username: text(fields, 'username') || text(fields, 'clientid'),
    at: told ?? time(fields, 'timestamp'),
    connectedAt,
    reason: text(fields, 'reason') || undefined,
  })
  // EMQX repeats a request that is answered with 503.
  return emptyResponse(outcome === 'failed' ? 503 : 204)
}

/** Epoch milliseconds, as a number or in a text; undefined for anything else. */
function time(fields: BrokerCall['fields'], name: string): number | undefined {
  const value = text(fields, name)
  return /^\d{1,14}$/.test(value) ? Number(value) : undefined
}

/** EMQX 5: authentication and authorization over HTTP, and a rule that reports connections. */
export const emqx: BrokerAdapter = {
  name: 'emqx',
  routes: [
    { path: '/emqx/authn', answer: authn, refuse: denied },
    { path: '/emqx/authz', answer: authz, refuse: denied },
    { path: '/emqx/events', answer: events, refuse: (status) => emptyResponse(status) },
  ],
}
