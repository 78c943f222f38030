import { toLine } from '../model/codec/text.js'
import { createLimitedLines, KEYS_MAX } from '../rules/limited-lines.js'
import { overflowLine } from './overflow-line.js'
import type { LogOptions } from './refusal-log.js'
import type { TakenMessage } from './taken-message.js'

const SHOWN = 200

/** Writes a line for samples whose id was known with other content: one a device a minute, with what to do about it. */
export type ReusedIdLog = (message: TakenMessage, reused: readonly number[]) => void

export function createReusedIdLog({ logger, clock }: LogOptions): ReusedIdLog {
  const limited = createLimitedLines({
    clock,
    onOverflow: overflowLine(
      (...line) => logger.warn(...line),
      `more than ${KEYS_MAX} devices send ids again with other content`,
      'hub.stats().ingest.reusedIds',
    ),
  })

  return ({ type, deviceId, content: { samples } }, reused) => {
    if (type === null || deviceId === null) return
    limited(`${type.key} ${deviceId}`, (suppressed) => {
      const device = toLine(deviceId, SHOWN)
      const sampleId = toLine(samples[reused[0] ?? 0]?.sampleId ?? '', SHOWN)
      logger.warn(
        { type: type.name, deviceId: device, sampleId, ...(suppressed > 0 && { suppressed }) },
        `${type.name}/${device} sent the sample id "${sampleId}" again with other content${suppressed > 0 ? `, as did ${suppressed} messages before` : ''}: ` +
          `stored, and flagged id_reused. All of them: hub.readings.list(Type, { deviceId: '${device}' }), by their flags. ` +
          'Where that field is no id of a sample, set `sampleId: false` for the type, or name the field that is',
      )
    })
  }
}
