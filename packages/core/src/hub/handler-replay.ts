import type { IngestPipeline } from '../ingest/create-ingest.js'
import { handlerOf } from '../ingest/handler-flag.js'
import type { IngestOutcome } from '../ingest/ingest.js'
import { DeviceHubError } from '../model/errors.js'
import type { MessageRef, StoredMessage } from '../model/message.js'
import type { InboundMessage } from '../ports/transport.js'
import type { createAttachedHandlers } from './attached-handlers.js'

export interface HandlerReplayOptions {
  readonly handlers: Pick<ReturnType<typeof createAttachedHandlers>, 'find'>
  readonly pipeline: Pick<IngestPipeline, 'quarantine' | 'handled'>
}

/**
 * Replays what a topic handler failed for through that handler. The handler runs before the row is marked: a crash in
 * between leaves it replayable, and the handler is called once more, as after a redelivery.
 */
export function createHandlerReplay({ handlers, pipeline }: HandlerReplayOptions) {
  const running = new Set<string>()

  async function replay(
    { source, flags }: StoredMessage,
    message: InboundMessage,
    ref: MessageRef,
  ): Promise<IngestOutcome> {
    const name = handlerOf(flags)
    const handler = name === undefined ? undefined : handlers.find(source, name)
    if (handler === undefined) throw notRunning(ref, name, source, message.topic)
    let outcome: IngestOutcome
    try {
      outcome = await handler.run(message)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      return pipeline.quarantine(
        message,
        { code: 'handler_failed', reason },
        { handler: name, replayOf: ref },
      )
    }
    if (outcome.status === 'failed') throw outcome.error
    return pipeline.handled(message, { handler: name, replayOf: ref })
  }

  return async (stored: StoredMessage, message: InboundMessage, ref: MessageRef): Promise<IngestOutcome> => {
    const key = `${ref.typeKey} ${ref.id}`
    if (running.has(key))
      throw new DeviceHubError('not_replayable', `message ${ref.id} is being replayed already`, {
        details: { ...ref },
      })
    running.add(key)
    try {
      return await replay(stored, message, ref)
    } finally {
      running.delete(key)
    }
  }
}

function notRunning(ref: MessageRef, name: string | undefined, source: string, topic: string) {
  const who =
    name === undefined
      ? `the topic handler that failed for message ${ref.id} (${topic}) left no name`
      : `the topic handler "${name}" of ${source}, which failed for message ${ref.id} (${topic}), does not run in this process; replay it where it does, or start it here with listener.handle()`
  return new DeviceHubError('not_replayable', `${who}. The message stays as it is`, {
    details: { ...ref, handler: name ?? null, source },
  })
}
