import { DeviceHubError } from '@devicehub/core/definition'
import {
  type Backoff,
  createSilentEnds,
  disconnectReason,
  presumablyTakenOver,
  SESSION_TAKEN_OVER,
} from '@devicehub/core/transport'
import { type Deferred, deferred, sleep, unlessAborted, withTimeout } from '@devicehub-internal/async'
import type { BrokerConnection, ConnectionEvents, ConnectionLoss } from './broker-connection.js'
import { describeFailure, isPermanent } from './connection-failure.js'

export interface ConnectorOptions {
  readonly open: (onLost: ConnectionEvents['onLost'], signal: AbortSignal) => Promise<BrokerConnection>
  /** What has to be done on each new connection before anything else is sent. `onStep`: what the broker has to confirm next. */
  readonly prepare: (connection: BrokerConnection, onStep: (what: string) => void) => Promise<void>
  /** After that the connection is given up: a broker may answer pings, and never what the device waits for. */
  readonly prepareTimeoutMs: number
  /** Called at the end of a connection: whether the broker may have closed it because of what was sent. */
  readonly isSuspect: () => boolean
  readonly onUp: (connection: BrokerConnection) => void
  /** After `onUp` only. */
  readonly onDown: (loss: ConnectionLoss) => void
  /** A failure that is tried again. */
  readonly onError: (error: DeviceHubError) => void
  readonly backoff: Backoff
  /** For error texts: the broker's address and the client id. */
  readonly place: string
  readonly clientId: string
}

/** Keeps one connection open: opens it, and opens another when it is lost, with growing, jittered pauses. */
export interface Connector {
  /** Resolves at the first connection; rejects when that is refused for good or the signal aborts, and then may be called again. */
  start(signal?: AbortSignal): Promise<void>
  stats(): ConnectorStats
  /** Ends the current connection as if it had been lost, without DISCONNECT. */
  renew(reason: Error): void
  /** Opens no further connection and returns the current one. */
  stop(): BrokerConnection | null
}

export interface ConnectorStats {
  /** Attempts to connect that failed, one after the other with growing pauses. */
  readonly failedConnects: number
  /** Connections that ended because another client connected under the same client id, as the broker reported or as it appears. */
  readonly sessionsTakenOver: number
}

/** After a connection that lasted less, the pauses keep growing. */
const STABLE_MS = 5000

export function createConnector(options: ConnectorOptions): Connector {
  const { backoff, place, clientId } = options
  const silentEnds = createSilentEnds()
  const counts = { failedConnects: 0, sessionsTakenOver: 0 }
  let connection: BrokerConnection | null = null
  let lose: ((loss: ConnectionLoss) => void) | null = null
  let stopped: AbortController | null = null

  /** One connection from its opening to its end. `up` is called when it is ready. */
  async function live(signal: AbortSignal, up: () => void): Promise<void> {
    const lost = deferred<ConnectionLoss>()
    const opened = await options.open(lost.resolve, signal)
    const since = performance.now()
    lose = (loss) => {
      opened.destroy()
      lost.resolve(loss)
    }
    const early = lost.promise.then((loss) => {
      throw failureOf(loss)
    })
    early.catch(() => {})
    try {
      await prepare(opened, early, signal)
    } catch (error) {
      opened.destroy()
      throw error
    }
    connection = opened
    options.onUp(opened)
    up()
    const loss = await unlessAborted(signal, lost.promise)
    lose = null
    connection = null
    const suspect = options.isSuspect()
    const silent = loss.disconnect === null && loss.error === null && !suspect
    options.onDown(loss)
    const lastedMs = Math.round(performance.now() - since)
    const thrownOut = silentEnds.ended({ withoutReason: silent, lasted: `${lastedMs}ms` })
    const takenOver = thrownOut > 0 || loss.disconnect?.reasonCode === SESSION_TAKEN_OVER
    if (takenOver) counts.sessionsTakenOver++
    // One that confirmed nothing of what was sent was no use, however long it lasted.
    else if (lastedMs >= STABLE_MS && !suspect) backoff.reset()
    options.onError(failureOf(loss, thrownOut))
  }

  async function prepare(
    opened: BrokerConnection,
    early: Promise<never>,
    signal: AbortSignal,
  ): Promise<void> {
    const { prepareTimeoutMs } = options
    let step = ''
    const prepared = options.prepare(opened, (what) => {
      step = what
    })
    await withTimeout(prepareTimeoutMs, unlessAborted(signal, Promise.race([prepared, early])), () => {
      const message = `${place} has not confirmed ${step} within ${prepareTimeoutMs / 1000} s (ackTimeout): the connection is opened anew`
      throw new DeviceHubError('transport_unavailable', message)
    })
  }

  async function run(signal: AbortSignal, first: Deferred): Promise<void> {
    let connectedOnce = false
    while (!signal.aborted) {
      try {
        await live(signal, () => {
          connectedOnce = true
          first.resolve()
        })
      } catch (error) {
        if (signal.aborted) break
        counts.failedConnects++
        silentEnds.failed()
        const failure = describeFailure(error, place, clientId)
        if (!connectedOnce && isPermanent(error)) return first.reject(failure)
        options.onError(failure)
      }
      if (!signal.aborted) await sleep(backoff.next(), signal)
    }
    first.reject(signal.reason)
  }

  function failureOf({ disconnect, error }: ConnectionLoss, thrownOut = 0): DeviceHubError {
    const takenOver = `: another client connected as '${clientId}'; do two devices share an id?`
    const silent =
      thrownOut > 0 ? presumablyTakenOver(clientId, thrownOut) : 'the network or the broker ended it'
    const why =
      disconnect !== null
        ? `the broker ended it: ${disconnectReason(disconnect)}${disconnect.reasonCode === SESSION_TAKEN_OVER ? takenOver : ''}`
        : (error?.message ?? silent)
    const message = `the connection to ${place} was lost, ${why}`
    return new DeviceHubError('transport_unavailable', message, {
      details: { reasonCode: null, ...disconnect },
      cause: error ?? undefined,
    })
  }

  return {
    async start(signal) {
      const controller = new AbortController()
      stopped = controller
      const giveUp = () => controller.abort(signal?.reason)
      if (signal?.aborted) giveUp()
      signal?.addEventListener('abort', giveUp)
      const first = deferred()
      backoff.reset()
      void run(controller.signal, first)
      try {
        await first.promise
      } finally {
        // It bounds the first connection only.
        signal?.removeEventListener('abort', giveUp)
      }
    },
    stats: () => ({ ...counts }),
    renew(error) {
      lose?.({ disconnect: null, error })
    },
    stop() {
      const last = connection
      connection = null
      lose = null
      stopped?.abort(new DeviceHubError('closed', 'the client was closed before it was connected'))
      return last
    },
  }
}
