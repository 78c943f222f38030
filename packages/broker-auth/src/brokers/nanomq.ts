import type { PlainResponse } from '@devicehub/http'
import { type AccessRequest, MAX_TOPICS } from '../decision.js'
import {
  type BrokerAdapter,
  type BrokerCall,
  type BrokerContext,
  emptyResponse,
  text,
} from './broker-adapter.js'

type Fields = BrokerCall['fields']

/** NanoMQ's `auth.http_auth` and `webhook`, as a form or as JSON. Only 200 allows. */
export const nanoMq: BrokerAdapter = {
  name: 'nanomq',
  routes: [
    {
      path: '/nanomq/auth',
      answer: async ({ fields }, { decider }) => {
        const login = { ...whoAsks(fields), password: text(fields, 'password') }
        return reply((await decider.login(login)).allow)
      },
      refuse: (status) => reply(false, status),
    },
    {
      // NanoMQ asks nothing more about a superuser.
      path: '/nanomq/super',
      answer: async () => reply(false),
      refuse: (status) => reply(false, status),
    },
    {
      path: '/nanomq/acl',
      answer: async ({ fields }, { decider }) => {
        const requests = accessRequests(fields)
        const decisions = await decider.accessAll(requests)
        return reply(requests.length > 0 && decisions.every(({ allow }) => allow))
      },
      refuse: (status) => reply(false, status),
    },
    {
      path: '/nanomq/events',
      answer: async ({ fields }, context) =>
        emptyResponse((await report(fields, context)) === 'failed' ? 503 : 200),
      refuse: (status) => reply(false, status),
    },
  ],
}

const reply = (allow: boolean, status = 403): PlainResponse => emptyResponse(allow ? 200 : status)

const whoAsks = (fields: Fields) => ({
  username: text(fields, 'username'),
  clientId: text(fields, 'clientid') || undefined,
})

/**
 * The filters of a SUBSCRIBE come joined by commas, so that each of the parts has to be allowed. A single filter
 * with a comma in it has a level with a comma, and nobody is granted such a level: ids, type names and channels have no
 * comma. A publication has one topic, which is never split.
 */
function accessRequests(fields: Fields): readonly AccessRequest[] {
  const who = whoAsks(fields)
  const topic = text(fields, 'topic')
  switch (text(fields, 'access')) {
    case '1':
      return topic
        .split(',', MAX_TOPICS + 1)
        .map((filter) => ({ ...who, action: 'subscribe', topic: filter }))
    case '2':
      return [{ ...who, action: 'publish', topic }]
    default:
      return []
  }
}

/**
 * NanoMQ reports a refused login too, with the names that were tried: its CONNACK, and then the end of a session that never
 * began.
 */
async function report(fields: Fields, { presence }: BrokerContext) {
  const username = text(fields, 'username')
  const session = JSON.stringify([username, text(fields, 'clientid')])
  switch (text(fields, 'action')) {
    case 'client_connack':
      if (text(fields, 'conn_ack') === 'success')
        return presence.report({ broker: 'nanomq', event: 'connected', username, session })
      presence.refused(session)
      return 'ignored'
    case 'client_disconnected': {
      const reason = text(fields, 'reason') || undefined
      return presence.report({ broker: 'nanomq', event: 'disconnected', username, session, reason })
    }
    default:
      return 'ignored'
  }
}
