import type { Logger } from '@devicehub/core'
import { doneWithin, unlessAborted } from '@devicehub-internal/async'
import { asError, ConnectionError, SLOT_LOST, unavailable } from '../connection/connection-error.js'
import type { Grants } from '../connection/grants.js'
import {
  type ConnectionState,
  describeEnd,
  type KeptConnection,
  keepConnected,
} from '../connection/keep-connected.js'
import { createLink, type Link, type LinkEnd } from '../connection/link.js'
import type { ConnectionEvents } from '../reporting/connection-events.js'
import type { BrokerCounters } from '../reporting/counters.js'
import type { OutageLog } from '../reporting/outage-log.js'
import type { BrokerSettings } from '../settings/broker-settings.js'
import type { ConnectionInbox } from './connection-inbox.js'
import { drainQueue, endSession, waitUntilEmpty } from './drain.js'
import { createDroppedQos0 } from './dropped-qos0.js'
import { createInbox } from './inbox.js'
import type { MessageSink } from './message-sink.js'
import type { SlotLease } from './slot-lease.js'
import { createStrayMessages } from './stray-messages.js'
import { resubscribeIdleGroup } from './subscribe.js'
import { createSubscriber } from './subscriber.js'
import type { Subscriptions } from './subscriptions.js'

export interface SessionOptions {
  readonly settings: BrokerSettings
  readonly clientId: string
  readonly subscriptions: Subscriptions
  /** The largest number of unacknowledged messages. */
  readonly window: number
  readonly sink: MessageSink
  readonly counters: BrokerCounters
  readonly now: () => number
  readonly logger: Logger
  readonly outages: OutageLog
  /** Of the slot whose client id this is. When it ends, the connection is dropped and no other is made. */
  readonly slotLease?: SlotLease | undefined
  /** An earlier holder of the slot has left the session at the broker. Default false. */
  readonly resumes?: boolean
  /** Told when a connection is subscribed, and when it has ended. */
  readonly connections?: ConnectionEvents | undefined
}

/** An MQTT session: its subscriptions, and its messages on their way to the sink, over all its network connections. */
export interface Session {
  /** Connects and subscribes, and again after each lost connection. */
  start(): void
  /** Resolves when connected and subscribed for the first time. Rejects when no attempt can succeed. */
  ready(): Promise<void>
  /** Settles what was received and disconnects. The broker keeps the session and collects messages until `start()`. */
  stop(): Promise<void>
  /** Unsubscribes, receives what is queued, and has the broker delete the session. */
  leave(): Promise<void>
  readonly state: ConnectionState
  readonly lastError: Error | null
  /** True from the CONNACK on, even if the broker has not granted the subscriptions. */
  readonly isAccepted: boolean
  /** Messages received and not acknowledged. */
  readonly inFlight: number
}

export function createSession(options: SessionOptions): Session {
  const {
    settings,
    clientId,
    subscriptions,
    window,
    sink,
    counters,
    now,
    logger,
    outages,
    slotLease,
    connections,
  } = options
  const { name, url, cleanStart, sessionExpiry, maxQueuedQos0 } = settings
  const fields = { broker: name, url, clientId }
  const log = outages.of(clientId, 'error')
  const source = `mqtt:${name}`
  const strays = createStrayMessages({ clientId, subscriptions, logger, fields })
  const inbox = createInbox({
    sink,
    window,
    maxQueuedQos0,
    source,
    now,
    counters,
    slotLease,
    dropped: createDroppedQos0({ maxQueuedQos0, now, logger, fields }),
    onSettled: strays.settled,
  })
  const subscriber = createSubscriber({
    settings,
    subscriptions,
    counters,
    logger,
    fields,
    resumes: options.resumes ?? false,
  })
  /** Null: not started, or stopped. */
  let connection: KeptConnection | null = null
  let connectionInbox: ConnectionInbox | null = null
  let latestLink: Link | null = null
  let accepted = false
  let sessionPresent = false
  let toldConnected = false

  function openLink(): Link {
    const link: Link = createLink({
      settings,
      clientId,
      clean: cleanStart,
      sessionExpiry,
      receiveMaximum: window,
      onPublish: (packet, qos) => linkInbox.take(packet, qos),
    })
    const linkInbox = inbox.openConnection(link)
    connectionInbox = linkInbox
    latestLink = link
    resubscribeIdleGroup({
      link,
      inbox,
      subscriptions,
      keepalive: settings.keepAlive,
      isReady: () => connection?.link === link,
    })
    return link
  }

  async function prepare(link: Link, grants: Grants): Promise<void> {
    accepted = true
    sessionPresent = grants.sessionPresent
    strays.connected(sessionPresent)
    await subscriber.subscribe(link, grants)
  }

  function onState(state: ConnectionState, error: Error | null, retryInMs: number | null): void {
    if (state === 'connected') {
      log.connected()
      toldConnected = true
      connections?.connected({ clientId, sessionPresent })
    } else if (error !== null) log.failed(error, retryInMs)
    else if (state === 'stopped') log.ended()
  }

  function onEnd(_link: Link, end: LinkEnd): void {
    connectionInbox?.close()
    accepted = false
    if (!toldConnected) return
    toldConnected = false
    const stopped = connection === null
    const unexplained = end.disconnect === null && end.error === null
    const reason =
      stopped && unexplained
        ? 'the listener has stopped'
        : describeEnd(end, slotLease && slotTakenOver(clientId))
    connections?.disconnected({ clientId, reason, stopped })
  }

  function connect(): KeptConnection {
    connection ??= keepConnected({
      createLink: openLink,
      prepare,
      onEnd,
      onState,
      reconnect: settings.reconnect,
      clientId,
      counters,
      mayConnect: () => slotLease?.valid ?? true,
      takenOver: slotLease && slotTakenOver(clientId),
    })
    return connection
  }

  /**
   * The slot's lease has ended: another process may connect with this client id by now. So no DISCONNECT, no
   * acknowledgement and no further attempt.
   */
  function dropConnection(): void {
    const dropped = connection
    connection = null
    connectionInbox?.close()
    dropped?.stop()
    // `stop()` may be closing this one in good order: that would take too long.
    latestLink?.drop(new ConnectionError(SLOT_LOST))
  }
  slotLease?.ended.addEventListener('abort', dropConnection, { once: true })

  async function stop(): Promise<void> {
    const stopping = connection
    if (stopping === null) return
    connection = null
    const link = stopping.stop()
    if (link === null) return
    inbox.pause()
    // Without the connection nothing can be acknowledged: no reason to wait.
    const complete = await Promise.race([
      waitUntilEmpty(inbox, settings.drainTimeout),
      link.closed.then(() => inbox.size === 0),
    ])
    if (!complete)
      logger.warn(
        { ...fields, unacknowledged: inbox.size },
        'stopped before every message was stored: the broker keeps the others and sends them again after the next start',
      )
    connectionInbox?.flush()
    await link.end()
    inbox.resume()
  }

  async function leave(): Promise<void> {
    const leaving = connect()
    const link = await reachBroker(leaving)
    try {
      await link.unsubscribe(subscriptions.filters)
      await drainQueue(link, inbox, settings)
    } catch (error) {
      await stop()
      throw unavailable(
        `cannot end the session ${clientId} at ${url}: ${asError(error).message}. The broker keeps the session and its messages: start again and stop with { endSession: true }, or call endSessionsOf('${clientId}') in another process`,
        error,
      )
    }
    connection = null
    leaving.stop()
    connectionInbox?.flush()
    await endSession(link, settings, clientId, slotLease)
    subscriber.reset()
  }

  /** The connected link: `leave()` needs one, also after a `stop()`. */
  async function reachBroker(kept: KeptConnection): Promise<Link> {
    const ready = unlessAborted(slotLease?.ended, kept.ready, () => {})
    await doneWithin(settings.connectTimeout, ready).catch(() => {})
    if (kept.link !== null) return kept.link
    await stop()
    throw unavailable(
      `cannot end the session ${clientId}: the broker at ${url} cannot be reached. The session is still there`,
      kept.lastError,
    )
  }

  return {
    start: () => void connect(),
    ready: () => connect().ready,
    stop,
    leave,
    get state() {
      return connection?.state ?? 'idle'
    },
    get lastError() {
      return subscriber.refusal ?? connection?.lastError ?? null
    },
    get isAccepted() {
      return accepted
    },
    get inFlight() {
      return inbox.size
    },
  }
}

const slotTakenOver = (clientId: string) =>
  `another client connected as ${clientId} while this process holds that slot: either processes reach one broker under several addresses (give each the same \`slots.broker\`), or something else uses this client id`
