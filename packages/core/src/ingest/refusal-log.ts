import { toLine } from '../model/codec/text.js'
import type { Clock } from '../ports/clock.js'
import type { Logger } from '../ports/logger.js'
import { createLimitedLines, KEYS_MAX } from '../rules/limited-lines.js'
import type { DecidedMessage } from './decided-message.js'
import { overflowLine } from './overflow-line.js'

const SHOWN = 200

/** Writes a line for refused messages: one a device and code a minute, with how to see the others. */
export type RefusalLog = (message: DecidedMessage) => void

export interface LogOptions {
  readonly logger: Logger
  readonly clock: Clock
}

export function createRefusalLog({ logger, clock }: LogOptions): RefusalLog {
  const limited = createLimitedLines({
    clock,
    onOverflow: overflowLine(
      (...line) => logger.warn(...line),
      `messages of more than ${KEYS_MAX} devices are refused`,
      "hub.messages.list(Type, { status: 'rejected' }) and hub.stats().ingest",
    ),
  })

  return (message) => {
    const { refusal, taken } = message
    const { type, deviceId, envelope } = taken
    if (refusal === null) return
    limited(`${refusal.code} ${type?.key ?? ''} ${deviceId ?? ''}`, (suppressed) => {
      const whose = type === null ? 'that belongs to no type' : `of ${type.name}/${shown(deviceId ?? '?')}`
      logger.warn(
        {
          ...(type !== null && { type: type.name }),
          ...(deviceId !== null && { deviceId: shown(deviceId) }),
          topic: shown(envelope.topic),
          code: refusal.code,
          reason: shown(refusal.reason),
          ...(suppressed > 0 && { suppressed }),
        },
        `a message ${whose} is ${refusal.status} (${refusal.code})${suppressed > 0 ? `, and ${suppressed} before it` : ''}; ` +
          `all of them: hub.messages.list(${query(message)})`,
      )
    })
  }
}

function query({ refusal, taken: { type, deviceId } }: DecidedMessage): string {
  const filter = `status: '${refusal?.status}'`
  if (type === null) return `null, { ${filter} }`
  return deviceId === null ? `Type, { ${filter} }` : `Type, { deviceId: '${shown(deviceId)}', ${filter} }`
}

const shown = (text: string): string => toLine(text, SHOWN)
