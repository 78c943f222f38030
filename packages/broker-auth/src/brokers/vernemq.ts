import { type Decision, MAX_TOPICS } from '../decision.js'
import {
  type BrokerAdapter,
  type BrokerCall,
  type BrokerContext,
  jsonResponse,
  text,
} from './broker-adapter.js'

type Fields = BrokerCall['fields']
type Hook = (fields: Fields, context: BrokerContext) => Promise<object>

const OK = { result: 'ok' }
const NOT_ALLOWED = { result: { error: 'not_allowed' } }

/**
 * VerneMQ's webhooks, all at one URL; the header says which. Whatever VerneMQ cannot read as an answer, and any other
 * status than 200, it counts as a failure of its own. Answers carry no `max-age`: what VerneMQ caches outlives a revocation.
 */
export const verneMq: BrokerAdapter = {
  name: 'vernemq',
  routes: [
    {
      path: '/vernemq',
      answer: async ({ fields, header }, context) => {
        const hook = HOOKS.get(header('vernemq-hook') ?? '')
        return jsonResponse(hook === undefined ? NOT_ALLOWED : await hook(fields, context))
      },
      refuse: () => jsonResponse(NOT_ALLOWED),
    },
  ],
}

const HOOKS: ReadonlyMap<string, Hook> = new Map(
  Object.entries<Hook>({
    auth_on_register: register,
    auth_on_register_m5: register,
    auth_on_publish: publish,
    auth_on_publish_m5: publish,
    // [MQTT-3.9.3-2]: 128 is a failure; MQTT 5 has 135, not authorized.
    auth_on_subscribe: (fields, context) => subscribe(fields, context, 128, (topics) => ({ ...OK, topics })),
    auth_on_subscribe_m5: (fields, context) =>
      subscribe(fields, context, 135, (topics) => ({ ...OK, modifiers: { topics } })),
    on_register: presence('connected'),
    on_register_m5: presence('connected'),
    on_client_wakeup: presence('connected'),
    on_client_offline: presence('disconnected'),
    on_client_gone: presence('disconnected'),
  }),
)

const whoAsks = (fields: Fields) => ({
  username: text(fields, 'username'),
  clientId: text(fields, 'client_id') || undefined,
})

async function register(fields: Fields, { decider }: BrokerContext): Promise<object> {
  const login = { ...whoAsks(fields), password: text(fields, 'password') }
  return (await decider.login(login)).allow ? OK : NOT_ALLOWED
}

/** VerneMQ asks about a will when it publishes it. */
async function publish(fields: Fields, { decider }: BrokerContext): Promise<object> {
  const request = { ...whoAsks(fields), action: 'publish', topic: text(fields, 'topic') } as const
  return (await decider.access(request)).allow ? OK : NOT_ALLOWED
}

/** The topics of an answer replace those of the SUBSCRIBE: each of them, in its place, as it came or refused. */
async function subscribe(
  fields: Fields,
  { decider }: BrokerContext,
  refused: number,
  partly: (topics: readonly object[]) => object,
): Promise<object> {
  const topics = Array.isArray(fields.topics) ? fields.topics.slice(0, MAX_TOPICS + 1).map(subscription) : []
  const requests = topics.map(({ topic }) => ({ ...whoAsks(fields), action: 'subscribe', topic }) as const)
  const decisions: readonly Decision[] = await decider.accessAll(requests)
  const allowed = decisions.filter(({ allow }) => allow).length
  if (allowed === 0) return NOT_ALLOWED
  if (allowed === topics.length) return OK
  return partly(
    topics.map((wanted, index) => (decisions[index]?.allow ? wanted : { topic: wanted.topic, qos: refused })),
  )
}

/** With MQTT 5 it has options, which VerneMQ takes from the answer. */
function subscription(given: unknown): { readonly topic: string } {
  const fields = (typeof given === 'object' && given !== null ? given : {}) as Fields
  return { ...fields, topic: text(fields, 'topic') }
}

/** All but `on_register` have the client id alone. VerneMQ does not repeat a request, so a failure is not reported. */
function presence(event: 'connected' | 'disconnected'): Hook {
  return async (fields, context) => {
    const username = text(fields, 'username') || text(fields, 'client_id')
    await context.presence.report({ broker: 'vernemq', event, username })
    return {}
  }
}
