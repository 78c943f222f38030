import type { PlainResponse } from '@devicehub/http'
import type { AccessRequest } from '../decision.js'
import {
  type BrokerAdapter,
  type BrokerCall,
  type BrokerContext,
  type BrokerRoute,
  jsonResponse,
  text,
  textResponse,
} from './broker-adapter.js'

/** `acc` is the access: 1 to receive a message, 2 to publish, 3 both, 4 to subscribe. */
const ACCESS: Readonly<Record<string, readonly AccessRequest['action'][]>> = {
  1: ['subscribe'],
  2: ['publish'],
  3: ['subscribe', 'publish'],
  4: ['subscribe'],
}

type Question = (call: BrokerCall, context: BrokerContext) => Promise<boolean>

const user: Question = async ({ fields }, { decider }) => {
  const decision = await decider.login({
    username: text(fields, 'username'),
    password: text(fields, 'password'),
    clientId: text(fields, 'clientid') || undefined,
  })
  return decision.allow
}

/** Nobody is one: the plugin does not ask about the topics of a superuser. */
const superuser: Question = async () => false

const acl: Question = async ({ fields }, { decider }) => {
  const acc = text(fields, 'acc')
  const wanted = Object.hasOwn(ACCESS, acc) ? (ACCESS[acc] ?? []) : []
  const username = text(fields, 'username')
  const clientId = text(fields, 'clientid') || undefined
  const topic = text(fields, 'topic')
  const decisions = await decider.accessAll(wanted.map((action) => ({ username, clientId, action, topic })))
  return decisions.length > 0 && decisions.every(({ allow }) => allow)
}

/** Right for the response modes `json` and `status`. */
const inJson = (allow: boolean): PlainResponse =>
  allow ? jsonResponse({ ok: true, error: '' }) : jsonResponse({ ok: false, error: 'denied' }, 403)

/** For the response mode `text`: nothing but `ok` allows. */
const inText = (allow: boolean): PlainResponse => textResponse(allow ? 'ok' : 'denied', allow ? 200 : 403)

const routes = (folder: string, reply: (allow: boolean) => PlainResponse): BrokerRoute[] =>
  Object.entries({ user, superuser, acl }).map(([name, question]) => ({
    path: `${folder}/${name}`,
    answer: async (call, context) => reply(await question(call, context)),
    // A 5xx would count as a failure of the server, and be repeated.
    refuse: () => reply(false),
  }))

/** The plugin mosquitto-go-auth with its HTTP backend, parameters as JSON or as a form. */
export const mosquittoGoAuth: BrokerAdapter = {
  name: 'mosquitto-go-auth',
  routes: [...routes('/mosquitto-go-auth', inJson), ...routes('/mosquitto-go-auth/text', inText)],
}
