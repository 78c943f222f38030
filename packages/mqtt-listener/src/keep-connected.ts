import { setTimeout as sleep } from 'node:timers/promises'
import { createBackoff } from '@devicehub/core'
import type { Grants, Link, LinkEnd } from './link.js'
import { asError, LinkError } from './link-error.js'
import type { ReconnectOptions } from './options.js'

export interface KeepConnectedOptions {
  /** A link of its own for each attempt. */
  readonly createLink: () => Link
  /** Makes an open link ready for use; what it rejects with ends the attempt. */
  readonly prepare: (link: Link, grants: Grants) => Promise<void>
  /** After each link, whether or not it was ever open. */
  readonly onEnd: (link: Link, end: LinkEnd) => void
  readonly onState: (state: ConnectionState, error: Error | null) => void
  readonly reconnect: Required<ReconnectOptions>
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

/** [MQTT-3.1.4-3]: another client connected under the same id. */
export const SESSION_TAKEN_OVER = 0x8e

/** A connection that held so long was a good one: the next outage starts with the shortest delay. */
const STABLE_MS = 5_000

/** Connects, and again whenever the connection is lost, with growing and jittered delays in between. */
export function keepConnected(options: KeepConnectedOptions): KeptConnection {
  const { reconnect, mayConnect = () => true, takenOver = ANOTHER_OF_THIS_ID } = options
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

  /** Resolves with how long the link was ready, in milliseconds. */
  async function once(): Promise<{ end: LinkEnd; lasted: number }> {
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
      if (error instanceof LinkError && error.permanent) rejectReady(error)
    }
    const end = await mine.closed
    link = null
    attempt = null
    options.onEnd(mine, end)
    return { end, lasted: performance.now() - readyAt }
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
      const { end, lasted } = await once()
      if (stopping.signal.aborted) return
      if (lasted >= STABLE_MS) backoff.reset()
      if (lasted > 0) lastError = end.error ?? new LinkError(describeEnd(end, takenOver))
      // Two clients of one id would throw each other out as fast as they can connect.
      const patient =
        end.reasonCode === SESSION_TAKEN_OVER || (end.error instanceof LinkError && end.error.patient)
      const delay = patient ? reconnect.max : backoff.next()
      enter(
        lastError instanceof LinkError && lastError.reasonCode !== null ? 'refused' : 'waiting',
        lastError,
      )
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

const ANOTHER_OF_THIS_ID =
  'another client connected under the same client id; each process needs one of its own'

export function describeEnd({ reasonCode }: LinkEnd, takenOver = ANOTHER_OF_THIS_ID): string {
  if (reasonCode === SESSION_TAKEN_OVER) return takenOver
  return reasonCode === null
    ? 'the broker closed the connection'
    : `the broker ended the connection with reason 0x${reasonCode.toString(16)}`
}
