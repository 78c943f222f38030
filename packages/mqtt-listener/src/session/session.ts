import type { Logger } from '@devicehub/core'
import {
  type ConnectionState,
  describeEnd,
  type KeptConnection,
  keepConnected,
  whatNext,
} from '../connection/keep-connected'
import { createLink, type Grants, type Link, type LinkEnd } from '../connection/link'
import { asError, LinkError, SLOT_LOST, unavailable } from '../connection/link-error'
import type { ConnectionEvents } from '../reporting/connection-events'
import type { Counters } from '../reporting/counters'
import type { BrokerSettings } from '../settings/options'
import { drainQueue, endSession, settled } from './drain'
import { type Consumer, createInbox, type Epoch } from './inbox'
import { aborted, type Tenure } from './slot-lease'
import { askAgain, isShared, request, type Subscriptions, subscribeAll } from './subscriptions'

export interface SessionOptions {
  readonly settings: BrokerSettings
  readonly clientId: string
  readonly subscriptions: Subscriptions
  readonly window: number
  readonly consumer: Consumer
  readonly counters: Counters
  readonly now: () => number
  readonly logger: Logger
  /** Of the slot whose client id this is: when it is over, the connection is cut and no other is made. */
  readonly tenure?: Tenure | undefined
  /** A former holder of the slot has left the session at the broker. */
  readonly resumes?: boolean
  /** Told when a connection is ready and when it has ended. */
  readonly connections?: ConnectionEvents | undefined
}

/** A session at a broker: its subscriptions, its messages on their way to the consumer, over all its connections. */
export interface Session {
  /** Connects and subscribes, and keeps at it. */
  start(): void
  /** Resolves when connected and subscribed for the first time. Rejects when no attempt can succeed. */
  ready(): Promise<void>
  /** Drains and disconnects. The session stays at the broker and goes on collecting messages. */
  stop(): Promise<void>
  /** Unsubscribes, drains, and has the broker forget the session. */
  leave(): Promise<void>
  readonly state: ConnectionState
  readonly lastError: Error | null
  /** Whether the broker has accepted the present connection, granted subscriptions or not. */
  readonly isAccepted: boolean
  /** Messages taken and not acknowledged. */
  readonly inFlight: number
}

export function createSession(options: SessionOptions): Session {
  const {
    settings,
    clientId,
    subscriptions,
    window,
    consumer,
    counters,
    now,
    logger,
    tenure,
    resumes = false,
    connections,
  } = options
  const { name, url, clean, sessionExpiry, qos0Buffer } = settings
  const fields = { broker: name, url, clientId }
  const source = `mqtt:${name}`
  const inbox = createInbox({ consumer, window, qos0Buffer, source, now, counters, tenure })
  let connection: KeptConnection | null = null
  let epoch: Epoch | null = null
  let latest: Link | null = null
  let refused: LinkError | null = null
  let subscribed = false
  let connectedBefore = false
  let accepted = false
  let sessionPresent = false
  let toldConnected = false

  function open(): Link {
    const link: Link = createLink({
      settings,
      clientId,
      clean,
      sessionExpiry,
      receiveMaximum: window,
      onPublish: (packet, qos) => mine.take(packet, qos),
    })
    const mine = inbox.openEpoch(link)
    epoch = mine
    latest = link
    rouseGroup(link)
    return link
  }

  async function prepare(link: Link, grants: Grants): Promise<void> {
    accepted = true
    sessionPresent = grants.sessionPresent
    if (connectedBefore) counters.reconnects++
    if ((connectedBefore || resumes) && !grants.sessionPresent && !clean) {
      counters.sessionsLost++
      logger.warn(fields, 'the broker has forgotten the session: messages sent meanwhile may be lost')
    }
    if (grants.sessionExpiry < sessionExpiry && !connectedBefore)
      logger.warn(
        { ...fields, granted: grants.sessionExpiry, wanted: sessionExpiry },
        'the broker keeps the session for a shorter time than asked for',
      )
    const begins = !connectedBefore
    connectedBefore = true
    const shared = subscriptions.filters.some(isShared)
    if (subscribed && grants.sessionPresent && !shared) return
    if (grants.sessionPresent && shared) reportResumedShare()
    subscribed = false
    await subscribeAll(link, grants, subscriptions, settings, {
      refused(error) {
        refused = error
        logger.error({ ...fields, err: error }, error.message)
      },
      downgraded: (filter, qos) =>
        logger.warn({ ...fields, filter, qos }, `the broker grants "${filter}" with QoS ${qos} only`),
    })
    refused = null
    subscribed = true
    askAgain(link, subscriptions)
    // Else everything would come twice, once through the group.
    if (begins && grants.sessionPresent && !shared) link.unsubscribe(subscriptions.former).catch(() => {})
  }

  /** Mosquitto 2.0 restarts without its shared subscriptions, and says all the same that the session is there. */
  function reportResumedShare(): void {
    counters.sharesResumed++
    logger.warn(
      { ...fields, group: settings.sharedGroup },
      'resumed a session in a group: if the broker was restarted and does so without its shared subscriptions (Mosquitto 2.0), what was sent until now is lost. A single process needs no group',
    )
  }

  /**
   * HiveMQ CE 2025.5 may leave a group's queue lying when a member that held messages unsubscribes, until some member
   * subscribes: measured, and for as long as it was watched. To subscribe once more changes nothing elsewhere.
   */
  function rouseGroup(link: Link): void {
    if (!subscriptions.filters.some(isShared)) return
    let seen = inbox.taken
    const timer = setInterval(
      () => {
        const idle = inbox.taken === seen && inbox.size === 0
        seen = inbox.taken
        if (idle && connection?.link === link)
          request(link, subscriptions.filters, subscriptions.qos).catch(() => {})
      },
      (settings.keepalive || DEFAULT_KEEPALIVE) * 1000,
    )
    void link.closed.then(() => clearInterval(timer))
  }

  function onState(state: ConnectionState, error: Error | null): void {
    if (state === 'connected') {
      logger.info(fields, 'connected to the broker and subscribed')
      toldConnected = true
      connections?.connected({ clientId, sessionPresent })
    } else if (error !== null) logger.error({ ...fields, err: error }, whatNext(error, settings.reconnect))
  }

  function onEnd(_link: Link, end: LinkEnd): void {
    epoch?.close()
    accepted = false
    if (!toldConnected) return
    toldConnected = false
    const stopped = connection === null
    const reason = end.error?.message ?? (stopped ? 'the listener has stopped' : describeEnd(end))
    connections?.disconnected({ clientId, reason, stopped })
  }

  /** Another process may connect under this client id by now: no DISCONNECT, no acknowledgement, no further attempt. */
  function cut(): void {
    const cutting = connection
    connection = null
    epoch?.close()
    cutting?.stop()
    // Also one that is on its way to a proper end.
    latest?.drop(new LinkError(SLOT_LOST))
  }
  tenure?.over.addEventListener('abort', cut, { once: true })

  function connect(): KeptConnection {
    connection ??= keepConnected({
      createLink: open,
      prepare,
      onEnd,
      onState,
      reconnect: settings.reconnect,
      clientId,
      counters,
      mayConnect: () => tenure?.valid ?? true,
      takenOver: tenure && slotTakenOver(clientId),
    })
    return connection
  }

  /** Stops reading and waits for what was taken, as long as the connection is there to acknowledge it on. */
  async function stop(): Promise<void> {
    const stopping = connection
    if (stopping === null) return
    connection = null
    const link = stopping.stop()
    if (link === null) return
    inbox.pause()
    const complete = await Promise.race([
      settled(inbox, settings.drainTimeout),
      link.closed.then(() => inbox.size === 0),
    ])
    if (!complete)
      logger.warn(
        { ...fields, unacknowledged: inbox.size },
        'stopped before every message was stored: the broker keeps the rest for the next start',
      )
    epoch?.flush()
    await link.end()
    inbox.resume()
  }

  async function leave(): Promise<void> {
    const leaving = connect()
    const link = await openLink(leaving)
    try {
      await link.unsubscribe(subscriptions.filters)
      await drainQueue(link, inbox, settings)
    } catch (error) {
      await stop()
      throw unavailable(
        `cannot leave ${url} for good: ${asError(error).message}. The session ${clientId} is still there: start again and leave, or adopt it`,
        error,
      )
    }
    connection = null
    leaving.stop()
    epoch?.flush()
    await endSession(link, settings, clientId, tenure)
    subscribed = false
    connectedBefore = false
  }

  async function openLink(kept: KeptConnection): Promise<Link> {
    let timer: NodeJS.Timeout | undefined
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, settings.connectTimeout)
    })
    await Promise.race([kept.ready, timeout, ...(tenure ? [aborted(tenure.over)] : [])]).catch(() => {})
    clearTimeout(timer)
    if (kept.link !== null) return kept.link
    await stop()
    throw unavailable(
      `cannot leave ${url} for good while it is away; the session ${clientId} is still there`,
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
      return refused ?? connection?.lastError ?? null
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

/** Seconds. */
const DEFAULT_KEEPALIVE = 60
