import type { PlainResponse } from '@devicehub/http'
import { type BrokerAdapter, type BrokerCall, jsonResponse, text } from './broker-adapter.js'

const answer = (allow: boolean, status = 200): PlainResponse =>
  jsonResponse({ result: allow ? 'allow' : 'deny' }, status)

const ACTIONS: Readonly<Record<string, 'publish' | 'subscribe'>> = {
  pub: 'publish',
  publish: 'publish',
  sub: 'subscribe',
  subscribe: 'subscribe',
}

/** `clientid` as most brokers write it, or `client_id`. */
export const clientIdOf = (fields: BrokerCall['fields']): string | undefined =>
  text(fields, 'clientid') || text(fields, 'client_id') || undefined

/** For brokers and programs without a format of their own: `{"result":"allow"}` or `{"result":"deny"}`. */
export const generic: BrokerAdapter = {
  name: 'generic',
  routes: [
    {
      path: '/broker/auth',
      async answer({ fields }, { decider, presence }) {
        const username = text(fields, 'username')
        const password = text(fields, 'password')
        const decision = await decider.login({ username, password, clientId: clientIdOf(fields) })
        // There is no other sign that a device has connected. The broker does not wait for what it is good for.
        if (decision.principal !== null)
          void presence.report({ broker: 'generic', event: 'connected', username })
        return answer(decision.allow)
      },
      refuse: (status) => answer(false, status),
    },
    {
      path: '/broker/acl',
      async answer({ fields }, { decider }) {
        const word = text(fields, 'action')
        const action = Object.hasOwn(ACTIONS, word) ? ACTIONS[word] : undefined
        if (action === undefined) return answer(false)
        const decision = await decider.access({
          username: text(fields, 'username'),
          clientId: clientIdOf(fields),
          action,
          topic: text(fields, 'topic'),
        })
        return answer(decision.allow)
      },
      refuse: (status) => answer(false, status),
    },
  ],
}
