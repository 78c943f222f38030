import { toLine } from '../codec/text.js'
import type { Clock } from '../ports/clock.js'
import type { Logger } from '../ports/logger.js'
import type { PlannedMessage } from './planned-message.js'

const EVERY = 60_000
/** Pairs of a device and a code that are remembered, and lines a minute at most. */
const PAIRS_MAX = 2_000
const SHOWN = 200

interface Written {
  readonly at: number
  suppressed: number
}

/** Writes a line for refused messages: one a device and code a minute, with how to see the others. */
export type RefusalLog = (message: PlannedMessage) => void

export function createRefusalLog({
  logger,
  clock,
}: {
  readonly logger: Logger
  readonly clock: Clock
}): RefusalLog {
  /** The one written longest ago first. */
  const written = new Map<string, Written>()
  /** When there were too many pairs for a minute. */
  let overflow: Written | null = null

  return (message) => {
    const { refusal, type, deviceId, inbound } = message
    if (refusal === null) return
    const key = `${refusal.code} ${type?.key ?? ''} ${deviceId ?? ''}`
    const now = clock.now()
    const last = written.get(key)
    // A clock that was set back must not silence it.
    if (last !== undefined && Math.abs(now - last.at) < EVERY) {
      last.suppressed++
      return
    }
    if (last === undefined && !hasRoom(now)) return
    written.delete(key)
    written.set(key, { at: now, suppressed: 0 })
    const suppressed = last?.suppressed ?? 0
    const whose = type === null ? 'that belongs to no type' : `of ${type.name}/${shown(deviceId ?? '?')}`
    logger.warn(
      {
        ...(type !== null && { type: type.name }),
        ...(deviceId !== null && { deviceId: shown(deviceId) }),
        topic: shown(inbound.topic),
        code: refusal.code,
        reason: shown(refusal.reason),
        ...(suppressed > 0 && { suppressed }),
      },
      `a message ${whose} is ${refusal.status} (${refusal.code})${suppressed > 0 ? `, and ${suppressed} before it` : ''}; ` +
        `all of them: hub.messages.list(${query(message)})`,
    )
  }

  function hasRoom(now: number): boolean {
    if (written.size < PAIRS_MAX) return true
    const [oldest] = written
    if (oldest !== undefined && Math.abs(now - oldest[1].at) >= EVERY) {
      written.delete(oldest[0])
      return true
    }
    if (overflow === null || Math.abs(now - overflow.at) >= EVERY) {
      const before = overflow?.suppressed ?? 0
      overflow = { at: now, suppressed: 0 }
      logger.warn(
        { ...(before > 0 && { suppressed: before }) },
        `messages of more than ${PAIRS_MAX} devices are refused within a minute; not all of them are logged here. ` +
          "See hub.messages.list(Type, { status: 'rejected' }) and hub.stats().ingest",
      )
    } else overflow.suppressed++
    return false
  }
}

function query({ refusal, type, deviceId }: PlannedMessage): string {
  const filter = `status: '${refusal?.status}'`
  if (type === null) return `null, { ${filter} }`
  return deviceId === null ? `Type, { ${filter} }` : `Type, { deviceId: '${shown(deviceId)}', ${filter} }`
}

const shown = (text: string): string => toLine(text, SHOWN)
