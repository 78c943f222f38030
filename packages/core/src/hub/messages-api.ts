import type { IngestPipeline } from '../ingest/create-ingest.js'
import type { IngestOutcome } from '../ingest/ingest.js'
import { accept, optional, options, word } from '../model/check/index.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import { DeviceHubError } from '../model/errors.js'
import {
  MESSAGE_STATUSES,
  type MessageInfo,
  type MessageRef,
  type MessageStatus,
  type StoredMessage,
} from '../model/message.js'
import { CHANNELS, type Channel } from '../model/topic/index.js'
import type { MessageFilter } from '../ports/messages.js'
import type { Page } from '../ports/storage.js'
import type { InboundMessage } from '../ports/transport.js'
import { toMessageInfo } from '../rules/message-info.js'
import { isPartlyStored, isReplayable } from '../rules/replayable.js'
import type { ApiStorage } from './api-storage.js'
import type { createAttachedHandlers } from './attached-handlers.js'
import { exportMessages } from './export-messages.js'
import type { Export, ExportedMessage, MessageExportQuery } from './export-request.js'
import { createHandlerReplay } from './handler-replay.js'
import { type AssertType, acceptRef, PAGE, PAGE_LIMIT, RANGE } from './rules.js'

/** Which audit rows, and how many at a time. */
export interface MessageQuery {
  /** Of one device. */
  readonly deviceId?: string
  /** With one outcome. */
  readonly status?: MessageStatus
  /** Of one channel. */
  readonly channel?: Channel
  /** Inclusive, by received time. */
  readonly from?: Date
  /** Exclusive, by received time. */
  readonly to?: Date
  /** 1 to 1,000; default 100. */
  readonly limit?: number
  /** Of the page before; absent: the first page. */
  readonly cursor?: string | undefined
}

/** The audit rows: every message that ever came in, with what became of it (invariant 3). */
export interface MessagesApi {
  /**
   * Newest first. `type` null: the messages that belong to no known type.
   *
   * @example
   * import { hub, WeatherStation } from './hub.js'
   *
   * const { items } = await hub.messages.list(WeatherStation, { status: 'quarantined' })
   */
  list(type: AnyDeviceType | null, query?: MessageQuery): Promise<Page<MessageInfo>>
  /**
   * Rows of any number, of which only a page is in memory, newest first; `type` null as in `list`. Each row has the `cursor`
   * with which a later export goes on behind it. What comes in meanwhile is not in it.
   *
   * @example
   * import { toNdjson } from '@devicehub/core'
   * import { hub, WeatherStation } from './hub.js'
   *
   * const rows = hub.messages.export(WeatherStation, { status: 'rejected' })
   * for await (const text of toNdjson(rows)) process.stdout.write(text)
   */
  export(type: AnyDeviceType | null, query?: MessageExportQuery): Export<ExportedMessage>
  /** Null when there is none. */
  get(ref: MessageRef): Promise<MessageInfo | null>
  /**
   * Puts a message that was rejected, quarantined or stored in part (flag `partial`) through ingest again, with its own
   * received time, after what kept it out was mended. A new row has the result; the old one becomes `replayed`. What
   * a topic handler failed for goes through that
   * handler again, in a process where it runs. `not_replayable`, and the row stays as it is: for any other, the second
   * time, when the payload was not kept, and where the handler does not run.
   *
   * @example
   * import { hub, WeatherStation } from './hub.js'
   *
   * const { items } = await hub.messages.list(WeatherStation, { status: 'quarantined' })
   * for (const ref of items) await hub.messages.replay(ref)
   */
  replay(ref: MessageRef): Promise<IngestOutcome>
}

export interface MessagesContext {
  readonly storage: Pick<ApiStorage, 'messages'>
  readonly assertType: AssertType
  readonly handlers: Pick<ReturnType<typeof createAttachedHandlers>, 'find'>
  readonly pipeline: Pick<IngestPipeline, 'replay' | 'quarantine' | 'handled'>
}

const QUERY = options<MessageQuery>({
  ...RANGE,
  ...PAGE,
  status: optional(word(...MESSAGE_STATUSES)),
  channel: optional(word(...CHANNELS)),
})

export function createMessagesApi({ storage, assertType, handlers, pipeline }: MessagesContext): MessagesApi {
  const replayThroughHandler = createHandlerReplay({ handlers, pipeline })

  return {
    async list(type, query = {}) {
      if (type !== null) assertType('messages.list', type)
      const {
        limit = PAGE_LIMIT,
        cursor,
        from,
        to,
        ...rest
      } = accept('messages.list', 'query', QUERY, query, 'invalid_query')
      const filter: MessageFilter = {
        ...rest,
        ...(from !== undefined && { from: from.getTime() }),
        ...(to !== undefined && { to: to.getTime() }),
      }
      const { items, ...page } = await storage.messages.list(type, filter, { limit, cursor })
      return { ...page, items: items.map(toMessageInfo) }
    },
    export(type, query = {}) {
      if (type !== null) assertType('messages.export', type)
      return exportMessages(storage, type, query)
    },
    async get(ref) {
      const stored = await storage.messages.get(acceptRef('messages.get', ref))
      return stored && toMessageInfo(stored)
    },
    async replay(given) {
      const ref = acceptRef('messages.replay', given)
      const stored = await storage.messages.get(ref)
      const where = ref.typeKey === null ? 'devicehub_message' : `the messages of ${ref.typeKey}`
      if (stored === null)
        throw new DeviceHubError('message_not_found', `there is no message ${ref.id} in ${where}`, {
          details: { ...ref },
        })
      if (!isReplayable(stored)) {
        throw new DeviceHubError(
          'not_replayable',
          `message ${ref.id} in ${where} is ${stored.status}; only one that was rejected, quarantined or stored in part can be replayed`,
          { details: { ...ref, status: stored.status } },
        )
      }
      // Without its payload it would be another message, and the row used up.
      if (stored.code === 'payload_too_large')
        throw new DeviceHubError(
          'not_replayable',
          `the payload of message ${ref.id} in ${where} was too large and not kept; have it sent again with a larger maxPayload`,
          { details: { ...ref, code: stored.code } },
        )
      const message = toInbound(stored)
      if (stored.code === 'handler_failed') return replayThroughHandler(stored, message, ref)
      return pipeline.replay(message, { ref, isPartlyStored: isPartlyStored(stored) })
    },
  }
}

function toInbound(stored: StoredMessage): InboundMessage {
  return {
    topic: stored.topic,
    payload:
      stored.payloadJson !== null
        ? new TextEncoder().encode(stored.payloadJson)
        : (stored.payloadRaw ?? new Uint8Array()),
    source: stored.source,
    receivedAt: new Date(stored.receivedAt),
    qos: stored.qos,
    redelivered: stored.redelivered,
    retained: stored.retained,
    contentType: stored.contentType ?? undefined,
    correlationId: stored.correlationId ?? undefined,
    userProperties:
      stored.userProperties === null
        ? undefined
        : (JSON.parse(stored.userProperties) as Record<string, string>),
  }
}
