import type { IngestPipeline } from '../ingest/create-ingest.js'
import { accept, date, line, optional, options, satisfies, word } from '../model/check/index.js'
import { toLine } from '../model/codec/text.js'
import { deviceType } from '../model/device-type/type-rule.js'
import { DeviceHubError } from '../model/errors.js'
import { topicOf } from '../model/topic/build-topic.js'
import { isValidDeviceId } from '../model/topic/index.js'
import type { Clock } from '../ports/clock.js'
import type { AssertType } from './rules.js'
import type { SessionEvent, SessionsApi } from './sessions-api.js'

export interface SessionsContext {
  readonly pipeline: Pick<IngestPipeline, 'record' | 'hasRoom'>
  readonly topicPrefix: string
  readonly deviceIdMaxLength: number
  readonly clock: Clock
  readonly assertType: AssertType
}

const REASON_MAX = 255
/** Milliseconds that a broker's clock may be ahead for the beginning of a connection to be believed. */
const AHEAD_MAX = 3_600_000

const SESSION_EVENT = options<SessionEvent>(
  {
    type: deviceType,
    // Whatever a broker's client calls itself: one that no device can have is unknown.
    deviceId: satisfies<string>('a text', (value) => typeof value === 'string'),
    event: word('connected', 'disconnected'),
    at: optional(date),
    connectedAt: optional(date),
    source: line(128),
    reason: optional(satisfies<string>('a text', (value) => typeof value === 'string')),
  },
  'an event of a connection',
)

export function createSessions(context: SessionsContext): SessionsApi {
  const { pipeline, topicPrefix: prefix, deviceIdMaxLength, clock, assertType } = context

  return {
    async report(given) {
      const event = accept('sessions.report', 'event', SESSION_EVENT, given)
      const { type, deviceId, source } = event
      assertType('sessions.report', type)
      if (!isValidDeviceId(deviceId, deviceIdMaxLength)) return 'unknown_device'
      if (!pipeline.hasRoom)
        throw new DeviceHubError(
          'queue_full',
          'too many messages wait for the database to take what a broker tells of connections; try again later',
        )
      const now = clock.now()
      const at = Math.min(timeOf(event.at) ?? now, now)
      // Of the broker's clock, and compared with others of it alone: a little ahead is no harm, and has to stay.
      const startedAt = timeOf(event.connectedAt)
      const session = {
        event: event.event,
        startedAt: startedAt !== null && startedAt <= now + AHEAD_MAX ? startedAt : null,
        reason: reasonOf(event),
      }
      const payload = JSON.stringify({
        status: event.event === 'connected' ? 'online' : 'offline',
        ...(event.event === 'disconnected' && { reason: session.reason }),
        timestamp: new Date(at).toISOString(),
        ...(session.startedAt !== null && { connected_at: new Date(session.startedAt).toISOString() }),
      })
      const topic = topicOf(type, deviceId, 'status', { prefix, deviceIdMaxLength })
      const message = { topic, payload, contentType: 'application/json' }
      const { status } = await pipeline.record({
        type,
        deviceId,
        channel: 'status',
        direction: 'hub',
        source,
        message,
        now,
        at,
        session,
      })
      if (status === 'rejected' || status === 'quarantined') return 'unknown_device'
      return status === 'stored' ? 'changed' : 'unchanged'
    },
  }
}

const timeOf = (at: Date | undefined): number | null => at?.getTime() ?? null

/** A broker passes on what a client sent: for people and logs, so nothing in it that is not text. */
const reasonOf = ({ reason }: SessionEvent): string =>
  toLine(reason ?? '', REASON_MAX) || 'its connection ended'
