import type { Logger, Metrics } from '@devicehub/core'
import { createEventBuffer } from './event-buffer.js'
import type { Unsubscribe } from './subscription.js'

/** Options of `iterate`. */
export interface IterateOptions {
  /** Ends the loop at once when it aborts; what was buffered is dropped. */
  readonly signal?: AbortSignal | undefined
  /** Events held for a loop that is busy. Past it the oldest are dropped and counted. Default 1,000. */
  readonly maxQueued?: number | undefined
}

/** The events of a signal for one `for await` loop. */
export interface SignalIterator<Event> extends AsyncIterableIterator<Event, undefined>, AsyncDisposable {
  /** The next event; done when the signals are closed or the iterator has ended. */
  next(): Promise<IteratorResult<Event, undefined>>
  /** Ends the iterator, as leaving the loop does; what it holds is dropped. */
  return(): Promise<IteratorResult<Event, undefined>>
  /** The iterator itself. */
  [Symbol.asyncIterator](): SignalIterator<Event>
  /** Events that were dropped, oldest first, since the loop was too slow. */
  readonly dropped: number
  /** Events that wait for the loop. */
  readonly queued: number
}

interface Source<Event> extends IterateOptions {
  readonly name: string
  readonly logger: Logger
  readonly metrics: Metrics
  readonly subscribe: (push: (event: Event) => void) => Unsubscribe
  readonly onDrop: () => void
  readonly onEnd: (iterator: { finish(): void }) => void
}

export function iterateEvents<Event>(source: Source<Event>): SignalIterator<Event> & { finish(): void } {
  const { name, maxQueued = 1000, signal, logger, metrics } = source
  const buffer = createEventBuffer<Event>({
    maxQueued,
    onBurst: () =>
      logger.warn(
        { signal: name, maxQueued },
        `an iterator over ${name} is too slow: its oldest events are dropped`,
      ),
    onDrop() {
      source.onDrop()
      metrics.count('devicehub_handler_dropped_total', 1, { handler: `${name} iterator` })
    },
  })
  const unsubscribe = source.subscribe(buffer.push)

  function stop(): void {
    unsubscribe()
    signal?.removeEventListener('abort', abort)
    source.onEnd(iterator)
  }
  function abort(): void {
    stop()
    buffer.discard()
  }
  const iterator = {
    next: buffer.next,
    async return() {
      abort()
      return { done: true as const, value: undefined }
    },
    finish() {
      stop()
      buffer.finish()
    },
    get dropped() {
      return buffer.dropped
    },
    get queued() {
      return buffer.queued
    },
    [Symbol.asyncIterator]: () => iterator,
    async [Symbol.asyncDispose]() {
      abort()
    },
  }
  if (signal?.aborted) abort()
  else signal?.addEventListener('abort', abort)
  return iterator
}
