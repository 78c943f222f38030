import type { DeviceHub } from '@devicehub/core'
import {
  type FetchHandler,
  type PlainRequest,
  type PlainResponse,
  plainHandler,
  plainProblem,
} from '@devicehub/http'
import { type AedesHooks, aedesHooks } from './brokers/aedes.js'
import type { BrokerAdapter, BrokerContext } from './brokers/broker-adapter.js'
import { emqx } from './brokers/emqx.js'
import { generic } from './brokers/generic.js'
import { mosquittoGoAuth } from './brokers/mosquitto-go-auth.js'
import { nanoMq } from './brokers/nanomq.js'
import { rabbitMq } from './brokers/rabbitmq.js'
import { verneMq } from './brokers/vernemq.js'
import { assertCallers, createCallerCheck } from './caller.js'
import { createDecider, type DeciderStats } from './decider.js'
import type { Decider } from './decision.js'
import { createRouter } from './find-route.js'
import { acceptBrokerAuth } from './option-rules.js'
import type { BrokerAuthOptions } from './options.js'
import { createPresence, type PresenceOutcome } from './presence.js'
import { readFields } from './read-fields.js'

/** Figures since the start. */
export interface BrokerAuthStats extends DeciderStats {
  /** Calls without the secret, with a wrong one, or from an address that is not listed. */
  readonly callersRefused: number
  /** Calls whose body could not be read. */
  readonly malformed: number
  /** Connects and disconnects that brokers reported, by their outcome in the hub. */
  readonly presence: Readonly<Record<PresenceOutcome, number>>
}

/** Answers brokers, made by `createBrokerAuth`. */
export interface BrokerAuth extends AsyncDisposable {
  /**
   * The endpoints of every broker, to be mounted where the brokers reach them. `invalid_options` without `secret` and
   * without `public`: every request would be refused.
   */
  readonly fetch: FetchHandler
  /** Decides without HTTP, for a broker of your own. */
  readonly decider: Decider
  /** Hooks for an Aedes broker in this process. */
  aedes(): AedesHooks
  /** Figures since the start; reading them costs nothing. */
  stats(): BrokerAuthStats
  /** Denies everything from now on; resolves when earlier requests are answered. */
  close(): Promise<void>
}

/**
 * Answers brokers that ask who may connect, publish and subscribe. A device may use its own topics and nothing
 * else; an unknown client is denied. `invalid_options` for options that cannot work, and for a hub without
 * `credentials.secret`.
 *
 * @example
 * import http from 'node:http'
 * import { createBrokerAuth } from '@devicehub/broker-auth'
 * import { nodeListener } from '@devicehub/http'
 * import { hub } from './hub.js'
 *
 * const brokerAuth = createBrokerAuth(hub, { secret: process.env.BROKER_SECRET ?? '' })
 * http.createServer(nodeListener(brokerAuth.fetch)).listen(8081)
 */
export function createBrokerAuth(hub: DeviceHub, given: BrokerAuthOptions = {}): BrokerAuth {
  const options = acceptBrokerAuth(hub, given)
  const { maxBody = 2 << 20 } = options
  // Throws here, not at the first login, when the hub has no secret.
  hub.credentials.hashes.lookups('api_key', 'probe')
  const checkCaller = createCallerCheck(options)
  const decider = createDecider(hub, options)
  const presence = createPresence(hub)
  const counts = { callersRefused: 0, malformed: 0 }
  const context: BrokerContext = { decider, presence, logger: hub.logger, now: () => hub.clock.now() }
  const running = new Set<Promise<PlainResponse>>()
  let closed = false

  async function answer(request: PlainRequest): Promise<PlainResponse> {
    const found = request.method === 'POST' ? findRoute(request.path) : null
    if (found === null) return notFound()
    const { route, secret } = found
    const refused = checkCaller(request, secret)
    if (refused !== null) {
      counts.callersRefused++
      return refused
    }
    if (closed) return route.refuse(500)
    const fields = await readFields(request, maxBody)
    if (typeof fields === 'number') {
      counts.malformed++
      return route.refuse(fields)
    }
    try {
      return await route.answer({ fields, header: request.header }, context)
    } catch (error) {
      hub.logger.error({ err: error, path: route.path }, 'A request of a broker failed and was denied')
      return route.refuse(500)
    }
  }

  const adapters: readonly BrokerAdapter[] = [
    generic,
    mosquittoGoAuth,
    emqx,
    rabbitMq(options.rabbitmq),
    verneMq,
    nanoMq,
  ]
  const findRoute = createRouter(adapters.flatMap(({ routes }) => routes))

  let closing: Promise<void> | undefined
  const fetch = plainHandler('brokerAuth.fetch', async (request) => {
    const answering = answer(request).catch((error) => {
      hub.logger.error({ err: error }, 'A request of a broker could not be answered')
      return plainProblem(500, 'internal_error', 'The call could not be answered')
    })
    running.add(answering)
    try {
      return await answering
    } finally {
      running.delete(answering)
    }
  })
  const brokerAuth: BrokerAuth = {
    // Throws where it is mounted, not at the first call: a broker would not show why it got a 401.
    get fetch() {
      assertCallers(options)
      return fetch
    },
    decider,
    aedes: () => aedesHooks(hub, context),
    stats: () => ({ ...decider.stats(), ...counts, presence: presence.stats() }),
    close() {
      closed = true
      closing ??= Promise.allSettled(running).then(() => {})
      return closing
    },
    [Symbol.asyncDispose]: () => brokerAuth.close(),
  }
  return brokerAuth
}

const notFound = (): PlainResponse =>
  plainProblem(404, 'not_found', 'There is no such endpoint; all of them are asked with POST')
