import { setTimeout as sleep } from 'node:timers/promises'
import { createBackoff, createSilentEnds, presumablyTakenOver, SESSION_TAKEN_OVER } from '@devicehub/core'
import type { Counters } from '../reporting/counters'
import type { ReconnectOptions } from '../settings/options'
import type { Grants, Link, LinkEnd } from './link'
import { asError, LinkError } from './link-error'

export interface KeepConnectedOptions {
  /** A link of its own for each attempt. */
  readonly createLink: () => Link
  /** Makes an open link ready for use; what it rejects with ends the attempt. */
  readonly prepare: (link: Link, grants: Grants) => Promise<void>
  /** After each link, whether or not it was ever open. */
  readonly onEnd: (link: Link, end: LinkEnd) => void
  readonly onState: (state: ConnectionState, error: Error | null) => void
  readonly reconnect: Required<ReconnectOptions>
  readonly clientId: string
  readonly counters: Pick<Counters, 'failedConnects' | 'takenOver'>
  /** Asked at the end of a link: nothing was sent on it for which a broker may have closed it. Default: yes. */
  readonly isIdle?: () => boolean
  /** Asked before each attempt; no ends it for good. Default: yes. */
  readonly mayConnect?: () => boolean
  /** What it means here that another client connected under the same id. */
  readonly takenOver?: string | undefined
}

/** `standby`: all slots of the group are held by other processes. */
export type ConnectionState =
  | 'idle'
  | 'connecting'
  | 'connected'
  | 'waiting'
  | 'refused'
  | 'standby'
  | 'stopped'

export interface KeptConnection {
  readonly state: ConnectionState
  /** The link that is ready for use. */
  readonly link: Link | null
  readonly lastError: Error | null
  /** Resolves with the first link that is ready; rejects only when no attempt can succeed. */
  readonly ready: Promise<void>
  /** Makes no further attempt. The present link is the caller's to end; one that is not ready is dropped. */
  stop(): Link | null
}

/** A connection that held so long was a good one: the next outage starts with the shortest delay. */
const STABLE_MS = 5_000

/** Connects, and again whenever the connection is lost, with growing and jittered delays in between. */
export function keepConnected(options: KeepConnectedOptions): KeptConnection {
  const { reconnect, clientId, counters } = options
  const { mayConnect = () => true, isIdle = () => true, takenOver = ANOTHER_OF_THIS_ID } = options
  const silentEnds = createSilentEnds()
  const backoff = createBackoff(reconnect)
  const stopping = new AbortController()
  let state: ConnectionState = 'idle'
  let link: Link | null = null
  let attempt: Link | null = null
  let lastError: Error | null = null
  let resolveReady: () => void
  let rejectReady: (error: Error) => void
  const ready = new Promise<void>((resolve, reject) => {
    resolveReady = resolve
    rejectReady = reject
  })
  ready.catch(() => {})

  function enter(next: ConnectionState, error: Error | null = null): void {
    if (state === 'stopped') return
    state = next
    options.onState(next, error)
  }

  interface Ended {
    readonly end: LinkEnd
    /** Milliseconds the link was ready; negative: it never was. */
    readonly lasted: number
    readonly wasIdle: boolean
  }

  async function once(): Promise<Ended> {
    const mine = options.createLink()
    attempt = mine
    let readyAt = Number.POSITIVE_INFINITY
    try {
      await options.prepare(mine, await mine.open())
      if (stopping.signal.aborted) throw new LinkError('stopped')
      link = mine
      readyAt = performance.now()
      lastError = null
      enter('connected')
      resolveReady()
    } catch (error) {
      lastError = asError(error)
      mine.drop(lastError)
      if (isPermanent(error)) rejectReady(error)
    }
    const end = await mine.closed
    link = null
    attempt = null
    const wasIdle = isIdle()
    options.onEnd(mine, end)
    return { end, lasted: performance.now() - readyAt, wasIdle }
  }

  /** Whether another client took the place of this one, as the broker said or as it appears. */
  function noteEnd({ end, lasted, wasIdle }: Ended): boolean {
    if (lasted <= 0) {
      counters.failedConnects++
      silentEnds.failed()
      return false
    }
    const said = end.reasonCode === SESSION_TAKEN_OVER
    const withoutReason = end.reasonCode === null && end.error === null && wasIdle
    const inARow = silentEnds.ended({ withoutReason, lastedMs: lasted })
    const message = inARow > 0 ? presumablyTakenOver(clientId, inARow) : describeEnd(end, takenOver)
    lastError = end.error ?? new LinkError(message)
    if (said || inARow > 0) counters.takenOver++
    return said || inARow > 0
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      // A process that was frozen finds this attempt due before it hears that it has lost its lease.
      if (!mayConnect()) {
        enter('stopped')
        stopping.abort()
        return
      }
      enter('connecting')
      const ended = await once()
      if (stopping.signal.aborted) return
      // Two clients of one id would throw each other out as fast as they can connect.
      const patient = noteEnd(ended) || (lastError instanceof LinkError && lastError.patient)
      if (ended.lasted >= STABLE_MS) backoff.reset()
      const delay = patient ? reconnect.max : backoff.next()
      enter(isPermanent(lastError) ? 'refused' : 'waiting', lastError)
      await sleep(delay, undefined, { signal: stopping.signal }).catch(() => {})
    }
  }
  void run()

  return {
    get state() {
      return state
    },
    get link() {
      return link
    },
    get lastError() {
      return lastError
    },
    ready,
    stop() {
      const last = link
      enter('stopped')
      stopping.abort()
      if (last === null) attempt?.drop(new LinkError('stopped'))
      return last
    },
  }
}

const isPermanent = (error: unknown): error is LinkError =>
  error instanceof LinkError && error.permanent !== null

/** For logs: why there is no connection, and when it is tried again. */
export const whatNext = (error: Error, { max }: Required<ReconnectOptions>): string =>
  isPermanent(error)
    ? `${error.message}. That does not pass by itself; once it is mended, the next attempt is within ${max / 1000} s`
    : `${error.message}; trying again`

const ANOTHER_OF_THIS_ID =
  'another client connected under the same client id; each process needs one of its own'

export function describeEnd({ reasonCode }: LinkEnd, takenOver = ANOTHER_OF_THIS_ID): string {
  if (reasonCode === SESSION_TAKEN_OVER) return takenOver
  return reasonCode === null
    ? 'the broker closed the connection'
    : `the broker ended the connection with reason 0x${reasonCode.toString(16)}`
}
