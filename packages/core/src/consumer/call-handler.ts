import { toLine } from '../model/codec/text.js'
import type { ConsumedMessage, ConsumeHandler } from './consumer.js'

export interface HandlerCall {
  readonly handler: ConsumeHandler
  readonly messages: readonly ConsumedMessage[]
  readonly attempt: number
  /** Milliseconds. */
  readonly timeout: number
  /** Aborts the batch's signal too. */
  readonly stop: AbortSignal
  readonly onSlow: () => void
}

/** Calls a handler and waits for it, however long it takes: what it threw, or null when it was done. */
export async function callHandler(call: HandlerCall): Promise<{ readonly error: unknown } | null> {
  const { handler, messages, attempt, stop } = call
  const batch = new AbortController()
  const onStop = () => batch.abort(stop.reason)
  if (stop.aborted) onStop()
  stop.addEventListener('abort', onStop)
  const timer = setTimeout(() => {
    batch.abort(new DOMException(`the handler took longer than ${call.timeout} ms`, 'TimeoutError'))
    call.onSlow()
  }, call.timeout)
  try {
    await handler({ messages, attempt, signal: batch.signal })
    return null
  } catch (error) {
    return { error }
  } finally {
    clearTimeout(timer)
    stop.removeEventListener('abort', onStop)
  }
}

/** What was thrown, with the name of its class, in a line that any column takes. */
export function thrownLine(error: unknown): string {
  try {
    return toLine(String(error), 1000)
  } catch {
    // An error of the user's whose text throws.
    return 'the handler threw something that has no text'
  }
}
