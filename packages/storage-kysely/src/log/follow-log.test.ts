import type { Storage } from '@devicehub/core'
import type { StoredMessage } from '@devicehub/core/storage'
import { expect, test } from 'vitest'
import { describeDatabases } from '../testing/describe-databases.js'
import { openStorages } from '../testing/opened-storage.js'
import { batch, entry, Meter, Station } from '../testing/rows.js'

/** DEVICEHUB_LOG_SECONDS=60 for the long form. */
const SECONDS = Number(process.env.DEVICEHUB_LOG_SECONDS ?? 2)
const WRITERS = 8
const TYPES = [Station, Meter, null] as const

describeDatabases('the log', (openDatabase) => {
  test(
    `eight writers, and a reader that follows for ${SECONDS} s: every row once, none skipped, in order per device`,
    async () => {
      await using storages = await openStorages(await openDatabase(), [Station, Meter])
      const reader = storages.open()
      const stopAt = Date.now() + SECONDS * 1000
      const writing = Array.from({ length: WRITERS }, (_, writer) => write(storages.open(), writer, stopAt))
      let done = false
      const written = Promise.all(writing).finally(() => {
        done = true
      })

      const seen = new Map<string, number[]>()
      const keys = new Set<string>()
      let rows = 0
      let cursor: string | null = null
      for (let last = false; ; ) {
        const page: { messages: readonly StoredMessage[]; cursor: string } = await reader.log.read(
          TYPES,
          cursor,
          1000,
        )
        cursor = page.cursor
        for (const { deviceId, correlationId, typeKey, id } of page.messages) {
          rows++
          keys.add(`${typeKey} ${id}`)
          const numbers = seen.get(deviceId ?? '') ?? []
          seen.set(deviceId ?? '', numbers)
          numbers.push(Number(correlationId))
        }
        if (page.messages.length > 0) continue
        if (last) break
        last = done
        await new Promise((resolve) => setImmediate(resolve))
      }

      const counts = await written
      expect(keys.size, 'no row twice').toBe(rows)
      counts.forEach((count, writer) => {
        for (const device of ['a', 'b'])
          expect(seen.get(`w${writer}${device}`) ?? [], `writer ${writer}`).toEqual(
            Array.from({ length: count }, (_, number) => number),
          )
      })
    },
    SECONDS * 1000 + 300_000,
  )
})

/** Commits of uneven sizes over several tables, some fast, some in a transaction of several statements. */
async function write(storage: Storage, writer: number, stopAt: number): Promise<number> {
  let sent = 0
  for (let round = 0; Date.now() < stopAt; round++) {
    const size = 1 + ((round * 7 + writer * 13) % 23)
    const entries = Array.from({ length: size }, (_, index) => {
      const correlationId = String(sent + index)
      return ['a', 'b'].map((device, which) =>
        entry(TYPES[(writer + which) % TYPES.length] ?? null, `w${writer}${device}`, [], { correlationId }),
      )
    }).flat()
    const changes = round % 4 ? [] : [{ type: Station, deviceId: `w${writer}`, at: round, lastSeen: round }]
    await storage.commit(batch(entries, { changes }))
    sent += size
  }
  return sent
}
