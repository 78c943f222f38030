import { type DeviceHub, DeviceHubError, type Principal } from '@devicehub/core'
import { toLine, topicMatches } from '@devicehub/core/transport'
import { acceptAedes } from '../option-rules.js'
import type { AedesBroker, AedesClient } from './aedes-broker.js'
import type { BrokerContext } from './broker-adapter.js'

/** Options for `Aedes.createBroker`. Use all of them: each covers cases that the others do not. */
export interface AedesHooks {
  /** Whether a client may connect. */
  readonly authenticate: (
    client: AedesClient,
    username: string | undefined,
    password: Uint8Array | undefined,
    done: (error: null, allowed: boolean) => void,
  ) => void
  /** Whether it may publish: a refusal ends its connection, as Aedes does. */
  readonly authorizePublish: (
    client: AedesClient | null,
    packet: { readonly topic: string },
    done: (error: Error | null) => void,
  ) => void
  /** Whether it may subscribe: a refusal is in the SUBACK. */
  readonly authorizeSubscribe: <Subscription extends { readonly topic: string }>(
    client: AedesClient,
    subscription: Subscription,
    done: (error: null, allowed: Subscription | null) => void,
  ) => void
  /** Whether a message may still be delivered to a subscriber; null: it may not. */
  readonly authorizeForward: <Packet extends { readonly topic: string }>(
    client: AedesClient,
    packet: Packet,
  ) => Packet | null
  /** Reports connections and disconnections to the hub from now on; returns a function that stops it. */
  attachPresence(broker: AedesBroker): () => void
}

/** A client that is connected. */
interface Session {
  readonly username: string
  readonly principal: Principal | null
  /** Filters of what it may receive: those granted at login, and those that `rules` have allowed since. */
  readonly mayReceive: Set<string>
  /** Whether rules may allow more than its login grants. */
  readonly partial: boolean
  /** When its credential was last found valid, by the hub's clock. */
  checkedAt: number
  revoked: boolean
}

/** Milliseconds a client may keep receiving until its credential is checked again. */
const RECHECK_AFTER = 1000
/** How many filters `rules` may add: a client could subscribe to new ones without end. */
const MAX_FILTERS = 1000

/**
 * Hooks for an Aedes broker in the same process. A device whose credential was revoked is disconnected at its next
 * publication, or when the next message is delivered to it; that message may still reach it.
 */
export function aedesHooks(
  hub: Pick<DeviceHub, 'credentials'>,
  { decider, presence, logger, now }: BrokerContext,
): AedesHooks {
  const sessions = new WeakMap<AedesClient, Session>()

  async function authenticate(client: AedesClient, username: string, password: string): Promise<boolean> {
    const decision = await decider.login({ username, password, clientId: client.id })
    if (!decision.allow) return false
    const { principal, grants, partial = false } = decision
    const mayReceive = new Set(grants?.subscribe)
    sessions.set(client, { username, principal, mayReceive, partial, checkedAt: now(), revoked: false })
    return true
  }

  async function mayPublish(client: AedesClient | null, topic: string): Promise<boolean> {
    // The will of a client of another broker, whose user name Aedes does not keep.
    const session = client === null ? undefined : sessions.get(client)
    // Aedes' own ban ends when the hook is replaced.
    if (client === null || session === undefined || session.revoked || topic.startsWith('$SYS/')) return false
    const { username } = session
    return (await decider.access({ username, clientId: client.id, action: 'publish', topic })).allow
  }

  async function maySubscribe(client: AedesClient, topic: string): Promise<boolean> {
    const session = sessions.get(client)
    if (session === undefined || session.revoked || session.mayReceive.size > MAX_FILTERS) return false
    // To Aedes `$share/...` is an ordinary topic, on which no message ever arrives.
    if (topic.startsWith('$share/')) return false
    const { username, partial, mayReceive } = session
    const { allow } = await decider.access({ username, clientId: client.id, action: 'subscribe', topic })
    if (allow && partial) mayReceive.add(topic)
    return allow
  }

  /** In the background, because a client that only receives causes no decision. A database that is unavailable revokes nothing. */
  function recheck(client: AedesClient, session: Session): void {
    const { principal, username } = session
    // A clock that was set back must not put it off.
    if (principal === null || Math.abs(now() - session.checkedAt) < RECHECK_AFTER) return
    session.checkedAt = now()
    hub.credentials.find(username).then(
      (found) => {
        if (found?.deviceId === principal.deviceId && found.type === principal.type) return
        session.revoked = true
        logger.info(
          { username: toLine(username), clientId: toLine(client.id, 256) },
          'Disconnected: its credential is no longer good',
        )
        client.close()
      },
      (error: unknown) =>
        logger.warn({ err: error, username: toLine(username) }, 'Could not check whether a client may stay'),
    )
  }

  return {
    authenticate(client, username, password, done) {
      authenticate(client, username ?? '', text(password)).then(
        (allowed) => done(null, allowed),
        // Without a `returnCode` it is 5, not authorized.
        () => done(null, false),
      )
    },

    // MQTT 3.1.1 has no other refusal of a publication than the end of the connection [MQTT-3.3.5-2].
    authorizePublish(client, { topic }, done) {
      mayPublish(client, topic).then(
        (allowed) => done(allowed ? null : refusal(client, topic)),
        () => done(refusal(client, topic)),
      )
    },

    // Also for what a kept session subscribed to, when it comes back.
    authorizeSubscribe(client, subscription, done) {
      maySubscribe(client, subscription.topic).then(
        (allowed) => done(null, allowed ? subscription : null),
        () => done(null, null),
      )
    },

    /** Of a SUBSCRIBE that was granted in part, a kept session stores all of it and is sent all of it when it comes back. */
    authorizeForward(client, packet) {
      const session = sessions.get(client)
      if (session === undefined || session.revoked) return null
      if (!matchesOne(session.mayReceive, packet.topic)) return null
      recheck(client, session)
      return packet
    },

    attachPresence(given) {
      const broker = acceptAedes(given)
      const connectedAt = new WeakMap<AedesClient, number>()
      const timedOut = new WeakSet<AedesClient>()

      const report = (client: AedesClient, event: 'connected' | 'disconnected', reason?: string) => {
        const session = sessions.get(client)
        if (session === undefined || session.principal === null) return
        const { username, principal } = session
        const at = now()
        if (event === 'connected') connectedAt.set(client, at)
        void presence.report({
          broker: 'aedes',
          event,
          username,
          principal,
          at,
          connectedAt: connectedAt.get(client),
          reason,
        })
      }
      const onClient = (client: AedesClient) => report(client, 'connected')
      const onTimeout = (client: AedesClient) => void timedOut.add(client)
      const onDisconnect = (client: AedesClient) =>
        report(client, 'disconnected', timedOut.has(client) ? 'keepalive timeout' : undefined)

      // `clientReady` comes later, or never when the client leaves at once; `clientDisconnect` has one `client` before it.
      broker.on('client', onClient)
      broker.on('keepaliveTimeout', onTimeout)
      broker.on('clientDisconnect', onDisconnect)
      return () => {
        broker.off('client', onClient)
        broker.off('keepaliveTimeout', onTimeout)
        broker.off('clientDisconnect', onDisconnect)
      }
    },
  }
}

/** Aedes gives a Buffer. */
const text = (bytes: Uint8Array | undefined): string =>
  bytes === undefined ? '' : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()

function matchesOne(filters: Iterable<string>, topic: string): boolean {
  for (const filter of filters) if (topicMatches(filter, topic)) return true
  return false
}

const refusal = (client: AedesClient | null, topic: string) =>
  new DeviceHubError(
    'publish_failed',
    `${toLine(client?.id ?? 'A client', 256)} may not publish to this topic`,
    {
      details: { topic: toLine(topic, 200) },
    },
  )
