import type { PlainResponse } from '@devicehub/http'
import type { AccessRequest } from '../decision.js'
import {
  type BrokerAdapter,
  type BrokerCall,
  type BrokerContext,
  text,
  textResponse,
} from './broker-adapter.js'

/** Settings for RabbitMQ. */
export interface RabbitMqOptions {
  /** The virtual host that clients may enter; default `/`, which is that of the MQTT plugin too. */
  readonly vhost?: string
}

/** The exchange of the MQTT plugin. */
const EXCHANGE = 'amq.topic'

const ACTIONS: ReadonlyMap<string, AccessRequest['action']> = new Map([
  ['read', 'subscribe'],
  ['write', 'publish'],
])

type Fields = BrokerCall['fields']

/**
 * `rabbitmq_auth_backend_http`, with `auth_http.http_method = post`. `/user` decides the login and `/topic` what is
 * published and subscribed; between them a client gets what the MQTT plugin needs for it, its own queues and the
 * exchange, and nothing else of AMQP.
 */
export function rabbitMq({ vhost = '/' }: RabbitMqOptions = {}): BrokerAdapter {
  /** A question's own condition, after those of all: the configured virtual host, and one client. */
  const route = (
    name: string,
    allowed: (fields: Fields, who: Who, context: BrokerContext) => boolean | Promise<boolean>,
  ) => ({
    path: `/rabbitmq/${name}`,
    answer: async ({ fields }: BrokerCall, context: BrokerContext) => {
      const who = whoAsks(fields)
      // An AMQP login names no virtual host yet; /vhost follows.
      const here = text(fields, 'vhost') === vhost || (name === 'user' && fields.vhost === undefined)
      return reply(here && who !== null && (await allowed(fields, who, context)))
    },
    refuse: () => reply(false),
  })

  return {
    name: 'rabbitmq',
    routes: [
      route('user', async (fields, who, { decider }) => {
        return (await decider.login({ ...who, password: text(fields, 'password') })).allow
      }),
      route('vhost', () => true),
      route('resource', (fields, { clientId }) => isOwnResource(fields, clientId)),
      route('topic', async (fields, who, { decider }) => {
        const action = ACTIONS.get(text(fields, 'permission'))
        const topic = topicOfRoutingKey(text(fields, 'routing_key'))
        if (action === undefined || topic === null || text(fields, 'name') !== EXCHANGE) return false
        // To RabbitMQ `$share/...` is an ordinary topic, on which no message ever arrives.
        if (topic.startsWith('$share/')) return false
        return (await decider.access({ ...who, action, topic })).allow
      }),
    ],
  }
}

/** Exactly these words: with a line end every topic would be refused. Never tags: they make an administrator. */
const reply = (allow: boolean): PlainResponse => textResponse(allow ? 'allow' : 'deny')

interface Who {
  readonly username: string
  readonly clientId: string | undefined
}

/** Null when the question names nobody, or two. */
function whoAsks(fields: Fields): Who | null {
  const one = (name: string): string | null => {
    const [plain, variable] = [text(fields, name), text(fields, `variable_map.${name}`)]
    return plain === '' || variable === '' || plain === variable ? plain || variable : null
  }
  const [username, clientId] = [one('username'), one('client_id')]
  if (username === null || username === '' || clientId === null) return null
  return { username, clientId: clientId === '' ? undefined : clientId }
}

/** The queues that the MQTT plugin makes for this client, and its exchange, which nobody may change. */
function isOwnResource(fields: Fields, clientId: string | undefined): boolean {
  const [resource, name, permission] = [
    text(fields, 'resource'),
    text(fields, 'name'),
    text(fields, 'permission'),
  ]
  if (permission !== 'read' && permission !== 'write' && permission !== 'configure') return false
  if (resource === 'exchange') return name === EXCHANGE && permission !== 'configure'
  if (resource !== 'queue' || clientId === undefined) return false
  return ['0', '1'].some((qos) => name === `mqtt-subscription-${clientId}qos${qos}`)
}

/**
 * The MQTT topic or filter that a routing key stands for. The plugin writes `/` as `.` and `+` as `*` without
 * escaping: to the broker a literal `*` is a wildcard and a literal `.` ends a level, so that is how they are read here.
 * Null for a key that comes from no MQTT topic.
 */
function topicOfRoutingKey(key: string): string | null {
  return /[/+]/.test(key) ? null : key.replaceAll('.', '/').replaceAll('*', '+')
}
