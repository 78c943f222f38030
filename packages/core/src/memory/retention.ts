import type { RetentionRequest, RetentionResult } from '../ports/storage.js'
import type { MemoryDatabase } from './database.js'
import type { OpenedMemory } from './opened-memory.js'

export function applyRetention(
  database: MemoryDatabase,
  { telemetry, types, tableOf }: OpenedMemory,
  now: number,
  { unroutedBefore = Number.NEGATIVE_INFINITY }: RetentionRequest = {},
): RetentionResult {
  let readings = 0
  let messages = 0
  for (const type of types) {
    const { retention } = type.options
    const table = tableOf(type)
    if (retention?.readings !== undefined) {
      const keptFrom = now - retention.readings * 1000
      for (const row of table.samples.ascending()) {
        if (row.sample.receivedAt >= keptFrom) continue
        telemetry.removeSample(row)
        readings++
      }
    }
    if (retention?.messages !== undefined) {
      const keptFrom = now - retention.messages * 1000
      for (const row of table.messages.ascending()) {
        if (row.message.receivedAt >= keptFrom) continue
        telemetry.removeMessage(row)
        messages++
      }
    }
  }
  for (const row of telemetry.untyped.ascending()) {
    if (row.message.receivedAt >= unroutedBefore) continue
    telemetry.removeMessage(row)
    messages++
  }
  const keptFrom = new Map(
    types.flatMap(({ key, options: { retention } }) =>
      retention?.messages === undefined ? [] : [[key, now - retention.messages * 1000]],
    ),
  )
  database.commands.removeFinished(
    (typeKey, { finishedAt }) => (finishedAt ?? now) < (keptFrom.get(typeKey) ?? Number.NEGATIVE_INFINITY),
  )
  return { readings, messages }
}
