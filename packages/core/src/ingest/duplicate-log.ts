import { toLine } from '../model/codec/text.js'
import { createLimitedLines, KEYS_MAX } from '../rules/limited-lines.js'
import { duplicateReason } from '../rules/sample-outcomes.js'
import { overflowLine } from './overflow-line.js'
import type { LogOptions } from './refusal-log.js'
import { type Content, comesAgain, type TakenMessage } from './taken-message.js'

const SHOWN = 200
/** From so many duplicates of one id on, one after the other, it does not look like samples that were sent again. */
const CONSTANT_FROM = 3

/**
 * Writes a line for samples that were stored before though nobody said that they come again: one a device a minute, with
 * how to see more; and one more when it looks as if the id were none of a sample.
 */
export type DuplicateLog = (message: TakenMessage, duplicates: readonly number[]) => void

export function createDuplicateLog({ logger, clock }: LogOptions): DuplicateLog {
  const repeatsOf = countRepeats()
  const limited = createLimitedLines({
    clock,
    onOverflow: overflowLine(
      (...line) => logger.info(...line),
      `more than ${KEYS_MAX} devices send samples again`,
      'hub.stats().ingest.unmarkedDuplicates',
    ),
  })

  return (message, duplicates) => {
    const { type, deviceId } = message
    const { samples } = message.content
    if (type === null || deviceId === null || comesAgain(message)) return
    const key = `${type.key} ${deviceId}`
    const times = repeatsOf(key, samples, duplicates)
    const isConstant = times >= CONSTANT_FROM
    limited(isConstant ? `${key} id` : key, (suppressed) => {
      const device = toLine(deviceId, SHOWN)
      const isWhole = duplicates.length === samples.length
      const hint = isConstant
        ? ` The id came ${times} times with the same content: where that field is no id of a sample, set \`sampleId: false\` for the type, or name the field that is`
        : ''
      logger.info(
        {
          type: type.name,
          deviceId: device,
          duplicates: duplicates.length,
          reason: duplicateReason(samples, duplicates),
          ...(suppressed > 0 && { suppressed }),
        },
        `${type.name}/${device} sent what was stored before, and no broker marked it as redelivered${suppressed > 0 ? `, as were ${suppressed} messages before` : ''}: ` +
          `${duplicateReason(samples, duplicates)}. All of them: hub.messages.list(Type, { deviceId: '${device}'${isWhole ? ", status: 'duplicate'" : ''} }), by their reason.${hint}`,
      )
    })
  }
}

/** How often a device has sent the id of a duplicate, in a row, with content that was stored; 0 for samples without one. */
function countRepeats() {
  const last = new Map<string, { id: string; times: number }>()
  return (key: string, samples: Content['samples'], duplicates: readonly number[]): number => {
    const ids = duplicates.flatMap((index) => samples[index]?.sampleId ?? [])
    let repeat = last.get(key)
    for (const id of ids) repeat = repeat?.id === id ? { id, times: repeat.times + 1 } : { id, times: 1 }
    if (repeat === undefined || ids.length === 0) return 0
    last.delete(key)
    last.set(key, repeat)
    const [oldest] = last.keys()
    if (last.size > KEYS_MAX && oldest !== undefined) last.delete(oldest)
    return repeat.times
  }
}
