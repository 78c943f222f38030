import { type Backoff, DeviceHubError } from '@devicehub/core/definition'
import type { BrokerConnection, ConnectionEvents, ConnectionLoss } from './broker-connection.js'
import { describeFailure, isPermanent } from './connection-failure.js'
import { reasonName, SESSION_TAKEN_OVER } from './reason-codes.js'

export interface ConnectorOptions {
  readonly open: (onLost: ConnectionEvents['onLost'], signal: AbortSignal) => Promise<BrokerConnection>
  /** What has to be done on each new connection before anything else is sent. */
  readonly prepare: (connection: BrokerConnection) => Promise<void>
  readonly onUp: (connection: BrokerConnection) => void
  /** After `onUp` only. */
  readonly onDown: (loss: ConnectionLoss) => void
  /** A failure that is tried again. */
  readonly onError: (error: DeviceHubError) => void
  readonly backoff: Backoff
  /** For messages: where it connects to, and as whom. */
  readonly place: string
  readonly clientId: string
}

/** Keeps one connection open: opens it, and opens another when it is lost, with growing, jittered pauses. */
export interface Connector {
  /** Resolves at the first connection; rejects when that is refused for good or the signal aborts, and then may be called again. */
  start(signal?: AbortSignal): Promise<void>
  /** Ends the present connection as if it had been lost, without DISCONNECT. */
  renew(reason: Error): void
  /** Opens no further connection and hands over the present one. */
  stop(): BrokerConnection | null
}

/** A connection that lasted less is no proof that the broker is well: the pauses go on growing. */
const STABLE_MS = 5000

export function createConnector(options: ConnectorOptions): Connector {
  const { backoff, place } = options
  let connection: BrokerConnection | null = null
  let lose: ((loss: ConnectionLoss) => void) | null = null
  let stopped: AbortController | null = null

  /** One connection from its opening to its end. `up` is called when it is ready. */
  async function live(signal: AbortSignal, up: () => void): Promise<void> {
    const lost = deferred<ConnectionLoss>()
    const opened = await options.open(lost.resolve, signal)
    const since = Date.now()
    lose = (loss) => {
      opened.destroy()
      lost.resolve(loss)
    }
    const early = lost.promise.then((loss) => {
      throw failureOf(loss)
    })
    early.catch(() => {})
    try {
      await orAbort(Promise.race([options.prepare(opened), early]), signal)
    } catch (error) {
      opened.destroy()
      throw error
    }
    connection = opened
    options.onUp(opened)
    up()
    const loss = await orAbort(lost.promise, signal)
    lose = null
    connection = null
    options.onDown(loss)
    if (Date.now() - since >= STABLE_MS && loss.reasonCode !== SESSION_TAKEN_OVER) backoff.reset()
    options.onError(failureOf(loss))
  }

  async function run(signal: AbortSignal, first: Deferred<void>): Promise<void> {
    let connectedOnce = false
    while (!signal.aborted) {
      try {
        await live(signal, () => {
          connectedOnce = true
          first.resolve()
        })
      } catch (error) {
        if (signal.aborted) break
        const failure = describeFailure(error, place)
        if (!connectedOnce && isPermanent(error)) return first.reject(failure)
        options.onError(failure)
      }
      if (!signal.aborted) await sleep(backoff.next(), signal)
    }
    first.reject(signal.reason)
  }

  function failureOf({ reasonCode, error }: ConnectionLoss): DeviceHubError {
    const takenOver = `: another client connected as '${options.clientId}'; do two devices share an id?`
    const why =
      reasonCode !== null
        ? `the broker ended it: ${reasonName(reasonCode)}${reasonCode === SESSION_TAKEN_OVER ? takenOver : ''}`
        : (error?.message ?? 'the network or the broker ended it')
    const message = `the connection to ${place} was lost, ${why}`
    return new DeviceHubError('transport_unavailable', message, {
      details: { reasonCode },
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
      const first = deferred<void>()
      backoff.reset()
      void run(controller.signal, first)
      try {
        await first.promise
      } finally {
        // It bounds the first connection only.
        signal?.removeEventListener('abort', giveUp)
      }
    },
    renew(error) {
      lose?.({ reasonCode: null, error })
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

interface Deferred<Value> {
  readonly promise: Promise<Value>
  readonly resolve: (value: Value) => void
  readonly reject: (error: unknown) => void
}

function deferred<Value>(): Deferred<Value> {
  let resolve: (value: Value) => void = () => {}
  let reject: (error: unknown) => void = () => {}
  const promise = new Promise<Value>((onValue, onError) => {
    resolve = onValue
    reject = onError
  })
  return { promise, resolve, reject }
}

/** Rejects with the signal's reason if that comes first. Leaves nothing at the signal, which outlives many connections. */
function orAbort<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort)
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

const sleep = (milliseconds: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(done, milliseconds)
    function done(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done)
  })
